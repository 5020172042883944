"""What people decided before on requests like one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from pgvector import HalfVector

from console.lib.sql import load
from metrics import comparison
from metrics.comparison import Interval
from reviews.embedding import embed, fingerprint
from reviews.models import Approval, ApprovalItem, Decision

SEARCHED = 10_000
"""The latest so many decisions on the same action are searched, besides all on exactly the same arguments."""
NEAREST = 100
"""Of those at most so many of the most similar are counted."""
ALIKE = 0.6
"""From this cosine on two requests are called similar."""
FEW = 10
"""Below so many decisions a percentage says more than is known."""
SHOWN = 5
NAMES = 200
"""Among so many names of actions those of related ones are looked for."""
RELATED = 3
"""Of so many other actions the latest are looked at as well."""
SEARCHED_RELATED = 1_000
"""So many of each."""
WORD = re.compile(r"[^\W_]+")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
GRANTED = frozenset({"approve", "edit"})


@dataclass(frozen=True, kw_only=True)
class Precedent:
    """One earlier item and what was decided on it. `likeness` is 0 to 1; `equal`: the arguments are the same."""

    approval: Approval
    item: ApprovalItem
    decision: Decision | None
    verdict: str
    likeness: float
    equal: bool
    decided_at: datetime


@dataclass(frozen=True, kw_only=True)
class Precedents:
    """The most similar of the earlier requests, and what became of all similar ones.

    `considered` is how many of those `searched` are similar (at most NEAREST), `approved` how many of these a person
    let happen, as they were or edited. `rows` are the few to show, the most similar first; where there are fewer, then
    those on related actions, which are not counted: they say what people think of something else.
    """

    rows: list[Precedent]
    searched: int
    considered: int
    approved: int

    @property
    def share(self) -> Interval:
        """Approved of the similar ones, with its 95 % interval (Wilson)."""
        return comparison.share(self.approved, self.considered)


def similar(*, approval: Approval, limit: int = SHOWN, item: ApprovalItem | None = None) -> Precedents:
    """Precedents in the project for one item of a request, by default the first one.

    Only what was decided before the request itself closed; nothing of the request itself. Three queries that read no
    more than SEARCHED rows of an index, and four for what is shown.
    """
    chosen = item or approval.item
    found = [row for row in nearest(approval, chosen) if row["approval_id"] != approval.pk]
    alike = [row for row in found if row["likeness"] >= ALIKE]
    others = [row for row in _related(approval, chosen) if row["likeness"] >= ALIKE]
    return Precedents(
        rows=_with_parts([*alike, *others][:limit]),
        searched=found[0]["searched"] if found else 0,
        considered=len(alike),
        approved=sum(row["verdict"] in GRANTED for row in alike),
    )


def nearest(approval: Approval, item: ApprovalItem) -> list[dict[str, Any]]:
    """The nearest rows, those with equal arguments first, then by likeness, then the latest."""
    return _found("nearest_precedents", approval, item, searched=SEARCHED, nearest=NEAREST)


def _related(approval: Approval, item: ApprovalItem) -> list[dict[str, Any]]:
    """The nearest rows on actions whose names differ from this one's by words that are there or not."""
    words = [word.casefold() for word in WORD.findall(HUMP.sub(" ", item.action))]
    limits = {"names": NAMES, "related": RELATED, "searched": SEARCHED_RELATED, "nearest": SHOWN}
    found = _found("related_precedents", approval, item, words=words, **limits) if words else []
    return [row for row in found if row["approval_id"] != approval.pk]


def _found(sql: str, approval: Approval, item: ApprovalItem, **more: Any) -> list[dict[str, Any]]:
    asked: dict[str, Any] = {
        "project": approval.project_id,
        "action": item.action,
        "fingerprint": fingerprint(item.arguments),
        "vector": HalfVector(embed(item.action, item.arguments, approval.summary)).to_text(),
        "before": approval.closed_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(load("reviews", sql), asked | more)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _with_parts(found: list[dict[str, Any]]) -> list[Precedent]:
    if not found:
        return []
    approvals = Approval.objects.with_parts().in_bulk([row["approval_id"] for row in found])
    rows = []
    for row in found:
        approval = approvals[row["approval_id"]]
        decisions = [one for one in approval.decisions.all() if one.item_id == row["item_id"] and not one.withdrawn_at]
        rows.append(
            Precedent(
                approval=approval,
                item=next(one for one in approval.items.all() if one.pk == row["item_id"]),
                decision=decisions[-1] if decisions else None,
                verdict=row["verdict"],
                likeness=row["likeness"],
                equal=row["equal"],
                decided_at=row["decided_at"],
            )
        )
    return rows
