"""A trace with more words than are indexed is still found by what matters."""

import tracemalloc

from metrics.search_words import MAX_TOKENS, Tokens, pair, project_token


def test_numbers_do_not_push_out_the_project_and_what_is_named() -> None:
    tokens = Tokens()
    tokens.add_text(" ".join(map(str, range(2 * MAX_TOKENS))))
    tokens.add([project_token(7), pair("order.kind", "blue")])
    kept = tokens.kept()
    assert len(kept) == MAX_TOKENS
    assert {project_token(7), pair("order.kind", "blue")} <= set(kept)


def test_a_long_value_is_not_remembered() -> None:
    from metrics import search_words

    before = search_words._digest.cache_info().currsize
    assert pair("text", "x" * 10_000) == ""
    assert search_words._digest.cache_info().currsize == before


def test_many_long_texts_are_read_a_part_at_a_time() -> None:
    from metrics.search_words import MAX_TEXT_CHARS

    tokens = Tokens()
    tracemalloc.start()
    try:
        tokens.add_text([f"{number} " + "word " * (MAX_TEXT_CHARS // 5 - 10) for number in range(100)])
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {"word", "0", "99"} <= set(tokens.kept())
    assert most - held < 60 * MAX_TEXT_CHARS
