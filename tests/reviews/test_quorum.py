"""When some verdicts are a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from reviews.quorum import deciding, standings, verb_of
from tests.reviews.conftest import NOON


@dataclass
class Item:
    pk: int = 1


@dataclass(eq=False)
class Vote:
    verdict: str
    arguments: Any = None
    item_id: int = 1
    withdrawn_at: datetime | None = None
    reviewer_id: int | None = 1


def place(votes: list[Vote], needed: int) -> int | None:
    """Which of the votes decides."""
    found = deciding(votes, needed=needed)
    return None if found is None else votes.index(found)


@pytest.mark.parametrize(
    ("votes", "needed", "decides"),
    [
        ([], 1, None),
        ([Vote("approve")], 1, 0),
        ([Vote("approve")], 2, None),
        ([Vote("approve"), Vote("approve")], 2, 1),
        ([Vote("approve"), Vote("reject")], 2, 1),
        ([Vote("approve"), Vote("respond")], 3, 1),
        ([Vote("edit", {"a": 1}), Vote("approve")], 2, None),
        ([Vote("edit", {"a": 1}), Vote("approve"), Vote("approve")], 2, 2),
        ([Vote("edit", {"a": 1, "b": 2}), Vote("edit", {"b": 2, "a": 1})], 2, 1),
        ([Vote("edit", {"a": 1}), Vote("edit", {"a": True})], 2, None),
    ],
)
def test_those_who_approve_have_to_approve_the_same_thing(votes: list[Vote], needed: int, decides: int | None) -> None:
    assert place(votes, needed) == decides


def test_what_was_withdrawn_does_not_count() -> None:
    votes = [Vote("approve", withdrawn_at=NOON), Vote("approve")]
    (standing,) = standings([Item()], votes, needed=2)
    assert (standing.deciding, standing.approvals, standing.status) == (None, 1, "pending")


def test_each_item_has_its_own_verdicts() -> None:
    votes = [Vote("approve", item_id=1), Vote("reject", item_id=2)]
    first, second, third = standings([Item(1), Item(2), Item(3)], votes, needed=1)
    assert [one.status for one in (first, second, third)] == ["approved", "rejected", "pending"]
    assert first.agreeing == (votes[0],)


def test_those_who_approved_something_else_are_not_among_those_who_decided() -> None:
    votes = [Vote("edit", {"a": 1}), Vote("approve"), Vote("approve")]
    (standing,) = standings([Item()], votes, needed=2)
    assert standing.agreeing == tuple(votes[1:])


@pytest.mark.parametrize(
    ("verdicts", "verb"),
    [
        (["approve", "approve"], "approve"),
        (["approve", "edit"], "edit"),
        (["reject", "reject"], "reject"),
        (["respond"], "respond"),
        (["approve", "reject"], "mix"),
        (["edit", "respond"], "mix"),
    ],
)
def test_a_batch_adds_up(verdicts: list[str], verb: str) -> None:
    assert verb_of(verdicts) == verb


def test_what_the_deadline_decides_needs_nobody_else() -> None:
    nobody = Vote("approve", reviewer_id=None)
    assert place([Vote("approve"), nobody], needed=3) == 1
