"""Requests with all that the API shows of them, read in one go for those who wait.

`Approval.objects.with_parts()` asks for the same in eight statements, each made anew by the ORM and sent by itself,
and gives every request its own copy of its project and of the policy. Here the statements are made once, go to the
database together, and what requests share is read once. JSON that nobody looks into, as what agents sent, stays the
text that is stored (`orjson.Fragment`): it is only passed on to the answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Self
from uuid import UUID

from django.db import connection, models
from django.db.models.base import ModelState
from orjson import Fragment

from agents.models import Project, Team, User
from console.lib import bound
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, PolicyVersion, Receipt

MINE = "approval_id = ANY(%(keys)s::uuid[])"
SHARED = "id IN (SELECT {} FROM reviews_approval WHERE id = ANY(%(keys)s::uuid[]))"


@dataclass(frozen=True)
class Parts:
    """What belongs to a request: actions in their order; verdicts, what was said, and receipts in the order of time."""

    items: Sequence[ApprovalItem]
    decisions: Sequence[Decision]
    conversation: Sequence[ApprovalEvent]
    receipts: Sequence[Receipt]

    @classmethod
    def of(cls, approval: Approval) -> Self:
        """Those of a request that was read `with_parts`."""
        votes = sorted(approval.decisions.all(), key=lambda vote: vote.pk)
        said = [event for event in approval.events.all() if event.kind in ApprovalEvent.CONVERSATION]
        return cls(list(approval.items.all()), votes, said, list(approval.receipts.all()))


@dataclass(frozen=True)
class _Read:
    """One statement: which rows of a model, without the columns that nobody asks for.

    `looked_into` are the columns of JSON that are more than passed on.
    """

    model: type[models.Model]
    where: str
    without: tuple[str, ...] = ()
    looked_into: tuple[str, ...] = ()

    @property
    def fields(self) -> list[Any]:
        return [field for field in self.model._meta.concrete_fields if field.name not in self.without]

    @cached_property
    def _columns(self) -> tuple[list[str], list[str], list[tuple[str, Any]]]:
        """The names of all columns, those of JSON that is passed on, and which fields read their own values."""
        fields = self.fields
        texts = [field.attname for field in fields if isinstance(field, models.JSONField)]
        own = [field for field in fields if hasattr(field, "from_db_value") and field.attname not in texts]
        return (
            [field.attname for field in fields],
            [name for name in texts if name not in self.looked_into],
            [(field.attname, field) for field in own],
        )

    def statement(self) -> str:
        quoted = connection.ops.quote_name
        columns = ", ".join(quoted(field.column) for field in self.fields)
        table = quoted(self.model._meta.db_table)
        return f"SELECT {columns} FROM {table} WHERE {self.where}"  # noqa: S608  # all of it is ours

    def instances(self, rows: Sequence[Sequence[Any]], json: Callable[[bytes], Any]) -> Iterator[Any]:
        """The rows as the ORM makes them, but for its signals: Model.__init__ takes six times as long.

        `json` reads what is looked into.
        """
        names, passed_on, convert = self._columns
        alias = connection.alias
        for row in rows:
            found = self.model.__new__(self.model)
            values = vars(found)
            values.update(zip(names, row, strict=True))
            for name in passed_on:
                if values[name] is not None:
                    values[name] = Fragment(values[name])
            for name in self.looked_into:
                if values[name] is not None:
                    values[name] = json(values[name])
            for name, field in convert:
                values[name] = field.from_db_value(values[name], None, connection)
            found._state = state = ModelState()
            state.adding, state.db = False, alias
            yield found


READS = (
    _Read(Approval, "id = ANY(%(keys)s::uuid[])", looked_into=("risk", "rule_trace", "plan")),
    _Read(ApprovalItem, f"{MINE} ORDER BY approval_id, index"),
    _Read(Decision, f"{MINE} ORDER BY id", looked_into=("arguments",)),
    _Read(ApprovalEvent, f"{MINE} AND kind IN {ApprovalEvent.CONVERSATION} ORDER BY id", looked_into=("detail",)),
    _Read(Receipt, f"{MINE} ORDER BY issued_at, id"),
    _Read(Project, SHARED.format("project_id")),
    _Read(PolicyVersion, SHARED.format("policy_version_id"), without=("document", "note")),
    _Read(Team, SHARED.format("routed_to_id")),
    _Read(User, SHARED.format("unnest(ARRAY[assigned_to_id, claimed_by_id])"), without=("password",)),
)


def read_whole(keys: Collection[UUID]) -> dict[UUID, tuple[Approval, Parts]]:
    """The requests of these ids, with their parts. Of policy versions only what identifies them is read."""
    if not keys:
        return {}
    found = _found(keys)
    items, decisions, conversation, receipts = (
        _by_approval(found[model]) for model in (ApprovalItem, Decision, ApprovalEvent, Receipt)
    )
    whole = {}
    for row in _shared(found):
        key = row.pk
        whole[key] = (row, Parts(items[key], decisions[key], conversation[key], receipts[key]))
    return whole


def _found(keys: Collection[UUID]) -> dict[type[models.Model], list[Any]]:
    """What each of READS finds."""
    # One text, as the driver would write the list out once for each statement.
    found = bound.together(_statements(), {"keys": f"{{{','.join(map(str, keys))}}}"}, json=_as_stored)
    # What the policy says of one request it says of many: each text is read once.
    json = lru_cache(maxsize=None)(bound.read_json)
    return {read.model: list(read.instances(rows, json)) for read, rows in zip(READS, found, strict=True)}


def _as_stored(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


@lru_cache
def _statements() -> tuple[str, ...]:
    return tuple(read.statement() for read in READS)


def _by_approval(rows: Sequence[Any]) -> dict[UUID, list[Any]]:
    grouped = defaultdict(list)
    for row in rows:
        grouped[row.approval_id].append(row)
    return grouped


def _shared(found: dict[type[models.Model], list[Any]]) -> list[Approval]:
    """The requests, with the rows at hand that several of them may share."""
    projects, versions, teams, people = (
        {row.pk: row for row in found[model]} for model in (Project, PolicyVersion, Team, User)
    )
    approvals: list[Approval] = found[Approval]
    for row in approvals:
        # Where the ORM keeps what it has joined.
        row._state.fields_cache = {
            "project": projects[row.project_id],
            "policy_version": versions[row.policy_version_id],
            "routed_to": teams.get(row.routed_to_id),
            "assigned_to": people.get(row.assigned_to_id),
            "claimed_by": people.get(row.claimed_by_id),
        }
    return approvals
