"""Limits are handed out in lots, and never more of them than there are."""

import uuid
from collections.abc import Callable

import pytest

from console.lib import ratelimit, valkey
from console.lib.ratelimit import check, check_at_once

NOW = 1_000_000.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every question to Valkey."""
    questions: list[int] = []
    attempt = valkey.attempt

    def counted(operation: Callable[[object], object]) -> object:
        questions.append(1)
        return attempt(operation)

    monkeypatch.setattr(valkey, "attempt", counted)
    return questions


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the test is another process."""
    monkeypatch.setattr(ratelimit, "_lots", {})


def test_a_thousand_requests_ask_valkey_two_hundred_times_at_most(asked: list[int]) -> None:
    key = uuid.uuid4().hex
    verdicts = [check(key, limit=100, now=NOW) for _ in range(1_005)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 1_000 + [False] * 5
    assert [verdict.remaining for verdict in verdicts[-7:]] == [1, 0, 0, 0, 0, 0, 0]
    assert len(asked) == 200


def test_a_small_limit_is_counted_one_by_one_across_processes(
    asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = uuid.uuid4().hex
    for _ in range(10):
        assert check(key, limit=1, now=NOW).allowed
        elsewhere(monkeypatch)
    assert not check(key, limit=1, now=NOW).allowed
    assert not check(key, limit=1, now=NOW).allowed
    assert len(asked) == 11


def test_processes_together_let_no_more_through_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    key = uuid.uuid4().hex
    processes: list[dict[str, ratelimit._Lots]] = [{}, {}, {}]
    allowed = 0
    for turn in range(3 * 1_100):
        monkeypatch.setattr(ratelimit, "_lots", processes[turn % 3])
        allowed += check(key, limit=100, now=NOW).allowed
    assert allowed == 1_000


def test_what_is_left_of_a_lot_needs_no_question_and_nothing_is_counted_without_one() -> None:
    key = uuid.uuid4().hex
    assert check_at_once(key, limit=100, now=NOW) is None
    assert check(key, limit=100, now=NOW).remaining == 999
    for remaining in (998, 997, 996, 995):
        verdict = check_at_once(key, limit=100, now=NOW)
        assert verdict is not None
        assert verdict.remaining == remaining
    assert check_at_once(key, limit=100, now=NOW) is None
    assert check(key, limit=100, now=NOW).remaining == 994


def test_a_new_window_begins_with_nothing_in_hand() -> None:
    key = uuid.uuid4().hex
    check(key, limit=100, now=NOW)
    assert check_at_once(key, limit=100, now=NOW + 10) is None
    assert check(key, limit=100, now=NOW + 10).remaining == 999
