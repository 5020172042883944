"""When some verdicts are a decision: how many people have to agree on one item, and what a batch adds up to. Pure.

Those who approve have to approve the same thing: whoever approves approves what the agent proposed, whoever edits
approves the arguments that they send. A rejection and an answer need nobody else, for they let nothing be done.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from reviews.states import Status, Verb, Verdict, target

GRANTING = frozenset({Verdict.APPROVE, Verdict.EDIT})


class Item(Protocol):
    """One action of a request."""

    @property
    def pk(self) -> Any: ...


class Vote(Protocol):
    """One person's verdict on one item. `arguments` are those of an edit; of the deadline's there is no reviewer.

    Any: type checkers do not see through the columns of a model here.
    """

    @property
    def verdict(self) -> Any: ...

    @property
    def arguments(self) -> Any: ...

    @property
    def withdrawn_at(self) -> Any: ...

    @property
    def item_id(self) -> Any: ...

    @property
    def reviewer_id(self) -> Any: ...


I = TypeVar("I", bound=Item)  # noqa: E741  # of items
V = TypeVar("V", bound=Vote)


@dataclass(frozen=True)
class Standing(Generic[I, V]):
    """Where one item stands: the verdicts that count, in order, and the one that decided it, None while none has."""

    item: I
    votes: tuple[V, ...]
    deciding: V | None

    @property
    def status(self) -> Status:
        """What has become of the item. Of a request that was closed without a decision this stays pending."""
        return Status.PENDING if self.deciding is None else target(Status.PENDING, Verb(self.deciding.verdict))

    @property
    def agreeing(self) -> tuple[V, ...]:
        """Those whose verdict is the decision."""
        if self.deciding is None:
            return ()
        return tuple(vote for vote in self.votes if _same(vote, self.deciding))

    @property
    def sides(self) -> tuple[tuple[V, ...], ...]:
        """Those who approve, each with all who approve the same thing, in order: more than one side differ."""
        found: dict[str, list[V]] = {}
        for vote in self.votes:
            if vote.verdict in GRANTING:
                found.setdefault(_granted(vote), []).append(vote)
        return tuple(tuple(side) for side in found.values())

    @property
    def approvals(self) -> int:
        """How many agree so far, of those who approve the same thing."""
        return max(map(len, self.sides), default=0)

    def side_of(self, reviewer_id: int | None) -> tuple[V, ...]:
        """Those who approve the same thing as this person, who is one of them; empty for whoever does not approve."""
        return next((side for side in self.sides if any(vote.reviewer_id == reviewer_id for vote in side)), ())


def standings(items: Iterable[I], votes: Sequence[V], *, needed: int) -> list[Standing[I, V]]:
    """Where each item of a request stands, given everything that was ever voted on it, in the order of time."""
    found = []
    for item in items:
        mine = tuple(vote for vote in votes if vote.item_id == item.pk and vote.withdrawn_at is None)
        found.append(Standing(item, mine, deciding(mine, needed=needed)))
    return found


def deciding(votes: Sequence[V], *, needed: int) -> V | None:
    """The verdict with which an item was decided; None while more people have to agree.

    What no person decided, because the policy lets the deadline approve, needs nobody else.
    """
    agreed: Counter[str] = Counter()
    for vote in votes:
        if vote.verdict not in GRANTING or vote.reviewer_id is None:
            return vote
        agreed[_granted(vote)] += 1
        if agreed[_granted(vote)] >= needed:
            return vote
    return None


def verb_of(verdicts: Iterable[str]) -> Verb:
    """What the verdicts on all items do to the request: several sorts of them mix it, but an edit approves as well."""
    sorts = {Verdict(verdict) for verdict in verdicts}
    if len(sorts) == 1:
        return Verb(sorts.pop().value)
    return Verb.EDIT if sorts <= GRANTING else Verb.MIX


def _same(vote: Vote, other: Vote) -> bool:
    return vote.verdict == other.verdict and _granted(vote) == _granted(other)


def _granted(vote: Vote) -> str:
    if vote.arguments is None:  # as of almost all
        return "null"
    return json.dumps(vote.arguments, sort_keys=True)
