"""The transition table, as ARCHITECTURE.md section 7 words it."""

from __future__ import annotations

import pytest

from reviews import states
from reviews.states import Status, Verb


def test_nothing_leaves_a_closed_status() -> None:
    for status in set(Status) - states.WAITING:
        for verb in Verb:
            with pytest.raises(states.IllegalTransition):
                states.target(status, verb)


def test_every_verdict_can_be_given_while_the_request_waits() -> None:
    for status in states.WAITING:
        for verdict in states.Verdict:
            assert states.target(status, Verb(verdict.value)) in states.DECIDED


def test_an_expiry_is_never_a_rejection() -> None:
    ends = {states.target(status, Verb.EXPIRE) for status in states.WAITING}
    assert ends == {Status.EXPIRED}
    assert Status.EXPIRED not in states.DECIDED


def test_information_can_be_asked_for_and_given() -> None:
    assert states.target(Status.PENDING, Verb.REQUEST_INFO) is Status.INFO_REQUESTED
    assert states.target(Status.INFO_REQUESTED, Verb.PROVIDE_INFO) is Status.PENDING
