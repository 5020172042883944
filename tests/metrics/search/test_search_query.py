"""The search box: what it means, and what it says when it cannot be understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.ranges import ParameterError
from metrics.search_query import parse, term
from metrics.search_words import MAX_WORD_CHARS, Tokens, pair, span_token, words


def alternatives(text: str) -> list[tuple[tuple[str, ...], ...]]:
    return list(parse(text).search.groups)


def test_words_are_lower_case_runs_of_letters_and_digits_in_any_script() -> None:
    assert words("Refund FAILED: order_id=4711, Größe, naïve") == {
        "refund", "failed", "order", "id", "4711", "größe", "naïve",
    }  # fmt: skip
    assert words("日本語 text") == {"日", "本", "語", "text"}
    assert words("x" * (MAX_WORD_CHARS + 1)) == set()


@given(st.text(alphabet=st.characters(max_codepoint=127), max_size=200))
def test_a_text_has_the_same_words_whatever_script_stands_beside_it(text: str) -> None:
    assert words(f"{text} 日") == words(text) | {"日"}


def test_a_word_may_also_be_a_session_or_a_user() -> None:
    assert alternatives("conv-12") == [(("12", "conv"), (pair("session", "conv-12"),), (pair("user", "conv-12"),))]


def test_sixteen_hex_digits_may_be_the_id_of_a_span() -> None:
    assert (span_token(bytes.fromhex("00f067aa0ba902b7")),) in alternatives("00f067aa0ba902b7")[0]


def test_a_name_and_a_value_are_one_token_however_they_are_written() -> None:
    for text in ("http.status_code=500", "HTTP.Status_Code:500", 'http.status_code="500"'):
        assert alternatives(text) == [((pair("http.status_code", 500),),)]
    assert alternatives('note="card declined"') == [((pair("note", "card declined"),),)]
    assert alternatives("https://example.org/a") == alternatives('"https://example.org/a"')


def test_names_of_the_filter_bar_are_filters() -> None:
    asked = parse('refund agent:support status=error user:"Ana B" cost>=0.05 duration>=10s tokens<=2k error:Timeout')
    assert asked.filters == {
        "agent": "support",
        "status": "error",
        "user": "Ana B",
        "min_cost_usd": "0.05",
        "min_duration_ms": "10000",
        "max_tokens": "2000",
        "error_type": "Timeout",
    }
    assert len(asked.search.groups) == 1


def test_a_minus_leaves_out_words_phrases_and_values() -> None:
    asked = parse('refund -zebra5 -"card declined" -http.status_code=500')
    assert len(asked.search.groups) == 1
    assert ("zebra5",) in asked.search.without
    assert ("card", "declined") in asked.search.without
    assert (pair("http.status_code", 500),) in asked.search.without
    assert parse("--force well-known").search.without == (), "a minus inside or doubled is none"
    assert bool(parse("-zebra5").search)


def test_what_is_written_for_a_value_is_read_as_it() -> None:
    assert alternatives(term("span", "execute_tool search")) == [((pair("span", "execute_tool search"),),)]
    assert term("span", 'say "hi"') == ""
    assert term("span", "x" * 200) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('say "hello', "quotation mark"),
        ("agent:", "needs a value"),
        ("--- refund", "no letters or digits"),
        ("latency>3", "only cost, duration, tokens"),
        ("cost>much", "takes a number"),
        ("agent:a agent:b", "only be one value"),
        ("key=" + "v" * 200, "at most 100 characters"),
        ("refund -agent:support", "-agent:support cannot be left out"),
        ("-cost>1", "cannot be left out"),
        ("-status:ok", "cannot be left out"),
        (" ".join(f"w{n}" for n in range(30)), "at most 20 terms"),
    ],
)
def test_what_cannot_be_understood_is_said(text: str, told: str) -> None:
    with pytest.raises(ParameterError, match=told) as raised:
        parse(text)
    assert raised.value.parameter == "q"


@given(st.text(max_size=200))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        asked = parse(text)
    except ParameterError:
        return
    groups = (*asked.search.groups, asked.search.without)
    assert all(token for group in groups for tokens in group for token in tokens)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_whatever_word_is_indexed_is_found_by_typing_it(text: str) -> None:
    tokens = Tokens()
    tokens.add_text({"content": [text]})
    for word in {*tokens.kept()} & words(text):
        assert (word,) in alternatives(f'"{word}"')[0]


def test_values_are_named_by_their_way_down_and_long_ones_are_not_indexed() -> None:
    tokens = Tokens()
    tokens.add_pairs({"a": {"b": 1, "c": [True, "x"]}, "long": "y" * 101, "": 0.5})
    assert {*tokens.kept()} == {pair("a.b", 1), pair("a.c", True), pair("a.c", "x"), pair("", 0.5)}
    assert pair("a", True) != pair("a", 1)
