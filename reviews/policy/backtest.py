"""A policy tried on requests of the past, and set against what people decided. Pure: no ORM, no clock.

What counts as what is written down in docs/decisions/024-back-tests-and-patterns.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from reviews.policy.engine import Assessment, evaluate, for_people, together
from reviews.policy.facts import Subject, facts_of
from reviews.policy.history import Earlier
from reviews.policy.recall import Recall
from reviews.policy.schema import Effect, Policy

NOT_APPROVABLE = "the request does not allow it to be approved"
BAD_OUTCOMES = frozenset({"failed", "reverted"})
REFUSED = frozenset({"reject", "edit", "respond", "mixed"})
"""What people say who do not approve a request as it was proposed."""

ALLOWED = frozenset({"approve", "edit", "mixed"})
"""What people say who let happen what was asked for, or a part of it."""

VALUES_MAX = 200
"""So many agents, and so many actions, are told apart in one run; later ones are counted together."""

OTHERS = "\x00others"


@dataclass(frozen=True, kw_only=True)
class Past:
    """A request of the past.

    `label` is the verdict of people, empty when there is none; `end` then says why: automatic, timeout, expired,
    cancelled or waiting. `spent` are the seconds of each verdict, None where they cannot be told. All of this came
    after the request: a policy never sees it. `small` is what `reviews.policy.recall` says of it.
    """

    key: UUID
    requested_at: datetime
    subjects: Sequence[Subject]
    approvable: bool
    label: str
    end: str
    earlier: Earlier
    outcome: str = ""
    spent: Sequence[float | None] = ()
    small: bool = False

    @property
    def action(self) -> str:
        return self.subjects[0].action

    @property
    def agent(self) -> str:
        return self.subjects[0].agent


Known = Callable[[Subject], Mapping[str, Any]]
"""The facts about a subject that are not in its request, as of its time: `history` and `cost`, or a part of them."""


def judged(policy: Policy, past: Past, known: Known, recall: Recall) -> Assessment:
    """What the policy would have made of a request when it was made. Never raises."""
    found = together(
        [
            evaluate(
                policy,
                {**facts_of(subject, now=past.requested_at), **known(subject)},
                explain=False,
                recall=recall if past.small else None,
            )
            for subject in past.subjects
        ]
    )
    if found.effect is Effect.AUTO_APPROVE and not past.approvable:
        return for_people(found, NOT_APPROVABLE)
    return found


@dataclass(frozen=True)
class Disagreement:
    """`kind` is false_approval or false_rejection; `what` the verdict or the outcome that the policy runs against."""

    kind: str
    what: str


def disagreement(effect: Effect, past: Past) -> Disagreement | None:
    """Where a policy runs against people, or approves what then went wrong. Only with a verdict of people."""
    if effect is Effect.AUTO_APPROVE:
        if past.label in REFUSED:
            return Disagreement("false_approval", past.label)
        if past.label and past.outcome in BAD_OUTCOMES:
            return Disagreement("false_approval", past.outcome)
    elif effect is Effect.AUTO_REJECT and past.label in ALLOWED and past.outcome not in BAD_OUTCOMES:
        return Disagreement("false_rejection", past.label)
    return None


@dataclass
class Tallies:
    """Counts of a run: of all requests, and apart by agent and by action."""

    total: Counter[str] = field(default_factory=Counter)
    agents: dict[str, Counter[str]] = field(default_factory=dict)
    actions: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, past: Past, found: Assessment, wrong: Disagreement | None) -> None:
        """One more request, what the policy makes of it, and whether that is wrong."""
        sums = (self.total, _group(self.agents, past.agent), _group(self.actions, past.action))
        for name, number in _counts(past, found, wrong):
            for counts in sums:
                counts[name] += number

    def dump(self) -> dict[str, Any]:
        """As JSON, for `load_tallies`."""
        return {
            "total": dict(self.total),
            "agents": [[name, dict(counts)] for name, counts in self.agents.items()],
            "actions": [[name, dict(counts)] for name, counts in self.actions.items()],
        }


def _group(groups: dict[str, Counter[str]], value: str) -> Counter[str]:
    name = value if value in groups or len(groups) < VALUES_MAX else OTHERS
    if name not in groups:
        groups[name] = Counter()
    return groups[name]


def load_tallies(document: Mapping[str, Any]) -> Tallies:
    """The tallies of a document that `dump` wrote; of an empty one nothing is counted yet."""
    return Tallies(
        Counter(document.get("total", {})),
        {name: Counter(counts) for name, counts in document.get("agents", [])},
        {name: Counter(counts) for name, counts in document.get("actions", [])},
    )


def _counts(past: Past, found: Assessment, wrong: Disagreement | None) -> Iterator[tuple[str, int]]:
    """The names under which a request counts, and how much; times in milliseconds."""
    yield "seen", 1
    yield (f"label.{past.label}" if past.label else f"end.{past.end}"), 1
    effect = found.effect.value
    yield f"{'labelled' if past.label else 'unlabelled'}.{effect}", 1
    if found.errors:
        yield "doubtful", 1
    if wrong is not None:
        yield f"{wrong.kind}.{wrong.what}", 1
    saved = past.label and found.effect is not Effect.REVIEW
    for seconds in past.spent if past.label else ():
        for prefix in ("spent", "saved") if saved else ("spent",):
            yield f"{prefix}.decisions", 1
            if seconds is not None:
                yield f"{prefix}.timed", 1
                yield f"{prefix}.ms", round(seconds * 1_000)
