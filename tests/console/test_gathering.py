"""News that follow each other closely are handed on together, and the last of them always are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from console.lib import gathering
from console.lib.gathering import Gathering
from tests.waiting import eventually


class Heard:
    """Somebody who is handed the news, and is slow about it until let go."""

    def __init__(self) -> None:
        self.news: list[dict[str, int]] = []
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, news: Mapping[str, int]) -> None:
        self.go_on.wait(10)
        self.news.append(dict(news))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def gathers() -> Iterator[None]:
    gathering.start()
    yield
    gathering.stop()


def test_where_nobody_gathers_everything_is_handed_on_at_once(heard: Heard) -> None:
    news = Gathering(heard, name="test")
    news.add({"a": 1})
    news.add({"a": 2})
    assert heard.news == [{"a": 1}, {"a": 2}]


def test_what_comes_meanwhile_is_handed_on_together_and_the_latest_counts(gathers: None, heard: Heard) -> None:
    news = Gathering(heard, name="test")
    heard.go_on.clear()
    news.add({"a": 0})
    eventually(lambda: not news._held)  # the first is being handed on
    for number in range(1, 100):
        news.add({"a": number, f"b{number % 2}": number})
    heard.go_on.set()
    eventually(lambda: len(heard.news) == 2)
    assert heard.news == [{"a": 0}, {"a": 99, "b1": 99, "b0": 98}]


def test_a_crowd_waits_and_goes_together_while_few_do_not_wait(
    gathers: None, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "CROWD", 3)
    news = Gathering(heard, name="test", interval_seconds=0.001)
    began = time.monotonic()
    news.add(dict.fromkeys("abcd", 1))
    news.add({"e": 2})
    assert heard.news == []
    eventually(lambda: heard.news)
    assert time.monotonic() - began >= gathering.CROWD_SECONDS
    assert heard.news == [{**dict.fromkeys("abcd", 1), "e": 2}]
    few = Gathering(heard, name="few", interval_seconds=10)
    few.add(dict.fromkeys("abc", 1))
    eventually(lambda: len(heard.news) == 2)


def test_news_that_cannot_be_handed_on_stop_nothing(gathers: None, caplog: pytest.LogCaptureFixture) -> None:
    found: list[int] = []

    def hand_on(news: Mapping[str, int]) -> None:
        if "bad" in news:
            raise RuntimeError
        found.extend(news.values())

    news = Gathering(hand_on, name="test")
    news.add({"bad": 1})
    eventually(lambda: "news_not_handed_on" in caplog.text)
    news.add({"good": 2})
    eventually(lambda: found == [2])
