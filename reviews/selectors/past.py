"""Requests of the past, in the order in which they were made, as a policy is tried on them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from agents.models import Project
from console.lib import bound
from console.lib.sql import load
from reviews import states
from reviews.checking import of_item
from reviews.models import Approval
from reviews.policy.backtest import Past
from reviews.policy.facts import Subject
from reviews.policy.history import EARLIER, Earlier
from reviews.policy.recall import is_small
from reviews.selectors.votes import votes_of

CHUNK = 1_000
COLUMNS = {"session": "session_id", "agent": "agent", "action": "action"}

Outcomes = dict[UUID, list[tuple[datetime, str]]]


class _Row(NamedTuple):
    """What `past_requests.sql` gives, in its order; JSON as text."""

    key: UUID
    requested_at: datetime
    status: str
    closed_at: datetime | None
    verdict: str
    by_people: bool
    decided_by: str
    outcome: str
    context: str
    confidence: float | None
    agent: str
    agent_version: str
    session_id: str
    trace_id: str
    end_user: str
    flags: str
    unchecked: bool
    actions: list[str]
    arguments: list[str]
    approvable: bool


def count_between(project: Project, after: datetime, until: datetime) -> int:
    """How many requests were made in (after, until)."""
    return Approval.objects.of_project(project).filter(requested_at__gt=after, requested_at__lt=until).count()


def chunk(project: Project, *, after: datetime, until: datetime, size: int = CHUNK) -> list[Past]:
    """The next requests that were made in (after, until), oldest first; those of one moment are never torn apart.

    At least `size` unless these are the last. A fixed number of queries, whatever there is to read.
    """
    asked = {"project": project.pk, "after": after, "until": until, "size": size}
    rows = [_Row(*row) for row in bound.rows(load("reviews", "past_requests"), asked)]
    outcomes = outcomes_of([row.key for row in rows if row.outcome])
    votes = votes_of([row.key for row in rows if row.by_people])
    return [
        Past(
            key=row.key,
            requested_at=row.requested_at,
            subjects=_subjects(row),
            approvable=row.approvable,
            label=row.verdict if row.by_people and row.status in states.DECIDED else "",
            end=_end(row),
            earlier=Earlier(row.requested_at, row.status, row.closed_at, outcomes.get(row.key, ())),
            outcome=row.outcome,
            spent=[vote.spent for vote in votes.get(row.key, ())],
            small=is_small((row.context, *row.arguments)),
        )
        for row in rows
    ]


def _subjects(row: _Row) -> list[Subject]:
    context = _json(row.context)
    flags = orjson.loads(row.flags)
    return [
        Subject(
            action=action,
            arguments=_json(arguments),
            context=context,
            confidence=row.confidence,
            agent=row.agent,
            agent_version=row.agent_version,
            session_id=row.session_id,
            trace_id=row.trace_id,
            end_user=row.end_user,
            flags=of_item(flags, index) if flags else (),
            unchecked=row.unchecked,
        )
        for index, (action, arguments) in enumerate(zip(row.actions, row.arguments, strict=True))
    ]


def _json(text: str) -> dict[str, Any]:
    """As the rows of the ORM have it: what the fast reader does not take, such as numbers too large for it, as well."""
    try:
        found: dict[str, Any] = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = json.loads(text)
    return found


def _end(row: _Row) -> str:
    if row.status in states.WAITING:
        return "waiting"
    if row.status in states.DECIDED:
        return "timeout" if row.decided_by == "timeout" else "automatic"
    return row.status


def outcomes_of(keys: Collection[UUID]) -> Outcomes:
    """Everything that was ever said about how some requests went, oldest first. The row itself has the last only."""
    found: Outcomes = defaultdict(list)
    for key, at, status in bound.rows(load("reviews", "outcomes_told"), {"keys": list(keys)}) if keys else ():
        found[key].append((at, status))
    return found


def earlier(project: Project, column: str, values: Collection[str], before: datetime) -> dict[str, list[Earlier]]:
    """The latest EARLIER requests of each value of a column of `reviews.policy.history`, oldest first. Two queries."""
    query = load("reviews", "earlier_requests").replace("{column}", COLUMNS[column])
    asked = {"values": list(values), "project": project.pk, "before": before, "latest": EARLIER}
    rows = bound.rows(query, asked)
    outcomes = outcomes_of([row[1] for row in rows if row[5]])
    found: dict[str, list[Earlier]] = defaultdict(list)
    for value, key, requested_at, status, closed_at, _known in reversed(rows):
        found[value].append(Earlier(requested_at, status, closed_at, outcomes.get(key, ())))
    return {value: _in_order(made) for value, made in found.items()}


def _in_order(made: Iterable[Earlier]) -> list[Earlier]:
    return sorted(made, key=lambda one: one.requested_at)
