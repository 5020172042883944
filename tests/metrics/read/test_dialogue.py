"""What each trace of a session adds to the conversation."""

from typing import Any

from metrics.conversation import Message
from metrics.dialogue import Reader, said


def turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in pairs]


def texts(messages: list[Message]) -> list[str]:
    return [f"{one.role}: {one.parts[0].text}" for one in messages]


def read_all(*traces: tuple[Any, Any]) -> list[list[str]]:
    reader = Reader()
    return [texts(reader.news(*said([trace]))) for trace in traces]


def test_history_that_is_sent_along_is_shown_once() -> None:
    first = turns(("system", "be kind"), ("user", "hi"))
    second = [*first, *turns(("assistant", "hello"), ("user", "bye"))]
    assert read_all((first, turns(("assistant", "hello"))), (second, turns(("assistant", "ciao")))) == [
        ["system: be kind", "user: hi", "assistant: hello"],
        ["user: bye", "assistant: ciao"],
    ]


def test_the_same_words_again_are_news() -> None:
    assert read_all(("yes", "ok"), ("yes", "ok")) == [["user: yes", "assistant: ok"]] * 2
    history = turns(("user", "yes"), ("assistant", "ok"), ("user", "yes"))
    assert read_all(("yes", "ok"), (history, "ok"))[1] == ["user: yes", "assistant: ok"]


def test_an_output_that_repeats_everything_shows_its_end() -> None:
    first = turns(("user", "hi"))
    whole = [*first, *turns(("assistant", "hello"))]
    assert read_all((first, {"messages": whole})) == [["user: hi", "assistant: hello"]]


def test_history_cut_at_its_beginning_is_still_history() -> None:
    first = turns(("user", "a"))
    cut = turns(("assistant", "b"), ("user", "c"))
    assert read_all((first, turns(("assistant", "b"))), (cut, "d"))[1] == ["user: c", "assistant: d"]


def test_the_first_span_that_says_something_speaks_for_the_trace() -> None:
    went_in, came_out = said([(None, None), ({"topic": "cats"}, "done"), ("other", "other")])
    assert (went_in[0].role, texts(came_out)) == ("user", ["assistant: done"])
    assert said([]) == ([], [])
