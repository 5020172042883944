"""What the world is told of a request's life: one event of the outbox for each transition, in its transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.messages import Event, plain
from agents.models import OutboxEvent
from agents.services import outbox
from console.lib.clock import rfc3339
from reviews import states
from reviews.addresses import one_click_of, page_of
from reviews.models import Approval, ApprovalEvent, Receipt
from reviews.services.deciders import barred, not_asked
from reviews.wire import Standing, decision_of, items_of

if TYPE_CHECKING:
    from reviews.services.transitions import Line

Kind = ApprovalEvent.Kind

TOLD = {
    Kind.REQUESTED: "approval.requested",
    Kind.VOTED: "approval.voted",
    Kind.WITHDRAWN: "approval.withdrawn",
    Kind.INFO_REQUESTED: "approval.info_requested",
    Kind.MESSAGE: "approval.info_provided",
    Kind.ASSIGNED: "approval.assigned",
    Kind.REMINDED: "approval.reminded",
    Kind.ESCALATED: "approval.escalated",
    Kind.EXPIRED: "approval.expired",
    Kind.CANCELLED: "approval.cancelled",
    Kind.CONSUMED: "approval.consumed",
    Kind.OUTCOME: "approval.outcome",
}
"""What the lines of a timeline are called outside. A decision is called by what it made of the request.

Claims are not told: they run out by themselves, so that nobody outside could know from them who is looking.
"""

HEADLINES = {
    "approval.requested": gettext_lazy("Approval wanted"),
    "approval.info_requested": gettext_lazy("Information wanted"),
    "approval.info_provided": gettext_lazy("The agent has answered"),
    "approval.voted": gettext_lazy("%(author)s has decided, others have to as well"),
    "approval.withdrawn": gettext_lazy("%(author)s took a verdict back"),
    "approval.assigned": gettext_lazy("Given to %(to)s"),
    "approval.reminded": gettext_lazy("Still waiting"),
    "approval.escalated": gettext_lazy("Escalated to %(to)s"),
    "approval.approved": gettext_lazy("Approved by %(by)s"),
    "approval.rejected": gettext_lazy("Rejected by %(by)s"),
    "approval.answered": gettext_lazy("Answered by %(by)s"),
    "approval.mixed": gettext_lazy("Decided by %(by)s, item by item"),
    "approval.expired": gettext_lazy("Nobody decided in time"),
    "approval.cancelled": gettext_lazy("Taken back"),
    "approval.consumed": gettext_lazy("About to run"),
    "approval.outcome": gettext_lazy("Outcome %(status)s"),
}

RUNG = frozenset({Kind.REQUESTED, Kind.REMINDED, Kind.ESCALATED, Kind.ASSIGNED})
"""What those who are asked are told directly, by the service that asks them."""

VOTING = frozenset({Kind.VOTED, Kind.WITHDRAWN, Kind.INFO_REQUESTED, Kind.MESSAGE}) | RUNG - {Kind.REQUESTED}
"""When somebody may have decided already whom it is not for any more."""

CLOSING = frozenset({Kind.DECIDED, Kind.EXPIRED, Kind.CANCELLED})
WORDS_CHARS = 340
EXACT_BYTES_MAX = 256 * 1024
"""Arguments that would make the items of a decision longer than that are fetched by whoever wants them."""

ITEM_MEMBERS = ("index", "action", "arguments", "metadata", "status", "effect", "decision")
"""What webhooks are told of an item: what the API says of it, but for what only those who decide need."""


def rows_of(*, kind: ApprovalEvent.Kind, lines: Sequence[Line], now: datetime) -> list[OutboxEvent]:
    """What the outbox gets of lines of timelines that mean something to others; the caller writes it."""
    told = [line for line in lines if _is_told(kind, line)]
    if not told:
        return []
    rows = [line.approval for line in told]
    without = not_asked(rows, now=now) if kind in VOTING else barred(rows)
    with translation.override(settings.LANGUAGE_CODE):  # whoever reads it is not whoever caused it
        events = [_event(kind, line, without[line.approval.pk], now) for line in told]
    written = outbox.rows_of(events, now=now)
    for line, row in zip(told, written, strict=True):
        if _is_silent(kind, line):
            row.routed_at = now
    return written


def _is_told(kind: ApprovalEvent.Kind, line: Line) -> bool:
    if kind is Kind.REQUESTED:  # what a rule decided at once has never waited for anybody
        return line.approval.is_waiting
    if kind is Kind.MESSAGE:  # of the conversation, only what sets the request in motion again
        return bool(line.detail.get("answer"))
    return kind is Kind.DECIDED or kind in TOLD


def _is_silent(kind: ApprovalEvent.Kind, line: Line) -> bool:
    """While a verdict may be taken back nobody outside is told of it, but what was not sent yet may be over by it."""
    return kind in {Kind.VOTED, Kind.WITHDRAWN} and line.approval.undo_seconds > 0


def _event(kind: ApprovalEvent.Kind, line: Line, without: frozenset[int], now: datetime) -> Event:
    approval = line.approval
    name = TOLD.get(kind) or f"approval.{approval.status}"
    path = page_of(approval.project.slug, approval.pk)
    return Event(
        project_id=approval.project_id,
        type=name,
        title=f"{_headline(name, line)}: {plain(approval.action)}",
        body=_body(approval),
        path=path,
        risk=approval.risk_level,
        team_id=approval.routed_to_id,
        actions=_actions(approval) if approval.is_waiting and name != "approval.info_requested" else (),
        ends=kind in CLOSING or (kind is Kind.VOTED and approval.settles_at is not None),
        until=approval.expires_at if approval.is_waiting else None,
        person_id=approval.assigned_to_id,
        without=tuple(without),
        rung=kind in RUNG,
        callback_url=approval.callback_url,
        data=document(approval, path=path, detail=line.detail, by=line.author, now=now),
        exact=decided(approval, line.standings, line.receipts) if line.receipts else None,
    )


def document(approval: Approval, *, path: str, detail: Mapping[str, Any], by: str, now: datetime) -> dict[str, Any]:
    """The `data` of a webhook: what the request is and what just happened to it, without reading anything."""
    return {
        "id": str(approval.pk),
        "url": settings.PUBLIC_URL + path,
        "status": approval.status,
        "action": approval.action,
        "summary": approval.summary,
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        "trace_id": approval.trace_id or None,
        "session_id": approval.session_id or None,
        "end_user": approval.end_user or None,
        "priority": approval.priority,
        "tags": approval.tags,
        "risk": {"level": approval.risk_level, "score": approval.risk_score},
        "policy": {"rule": approval.rule},
        "metadata": approval.metadata,
        "requested_at": rfc3339(approval.requested_at),
        "expires_at": rfc3339(approval.expires_at),
        "closed_at": rfc3339(approval.closed_at) if approval.closed_at else None,
        "verdict": approval.verdict or None,
        "outcome": approval.outcome,
        "event": {"by": by, "at": rfc3339(now), "detail": dict(detail)},
    }


def decided(approval: Approval, standings: Sequence[Standing], receipts: Sequence[Receipt]) -> dict[str, Any]:
    """What else is told of a decision, in the words of the API: all that it takes to act on it without asking again."""
    items = [{name: item[name] for name in ITEM_MEMBERS} for item in items_of(approval, standings, receipts)]
    decision = decision_of(approval, standings, items)
    told = {"decision": decision, "items": items, "arguments_omitted": False}
    if len(json.dumps(told)) <= EXACT_BYTES_MAX:
        return told
    for each in (*items, decision, *(item["decision"] for item in items)):
        if each is not None:
            each["arguments"] = None
    return told | {"arguments_omitted": True}


def _headline(name: str, line: Line) -> str:
    if name == "approval.requested":  # the one that there are many of has nothing to fill in
        return str(HEADLINES[name])
    to = line.detail.get("to") or line.detail.get("user") or line.detail.get("team") or _("everybody")
    facts = {
        "to": plain(str(to)),
        "by": plain(line.approval.decided_by_label),
        "author": plain(line.author),
        "status": plain(str(line.detail.get("status", ""))),
    }
    return str(HEADLINES[name]) % facts


def _body(approval: Approval) -> str:
    words = plain(approval.summary or str(approval.risk.get("explanation", "")))[:WORDS_CHARS]
    facts = [words, _("risk %(level)s") % {"level": approval.risk_level}]
    if approval.agent:
        facts.append(_("agent %(name)s") % {"name": plain(approval.agent)[:60]})
    if approval.is_waiting:
        facts.append(_("until %(time)s UTC") % {"time": f"{approval.due_at:%Y-%m-%d %H:%M}"})
    return " · ".join(fact for fact in facts if fact)


def _actions(approval: Approval) -> tuple[tuple[str, str], ...]:
    """Pages that ask "really?", behind the login. A verdict that the request does not allow is refused there."""
    labels = {states.Verdict.APPROVE: _("Approve"), states.Verdict.REJECT: _("Reject")}
    slug = approval.project.slug
    return tuple((label, one_click_of(slug, approval.pk, verdict.value)) for verdict, label in labels.items())
