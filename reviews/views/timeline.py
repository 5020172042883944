"""The timeline of a request in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from reviews.models import ApprovalEvent

Words = tuple[str, str, str, str]
"""Title, icon, tone and text of an entry."""


@dataclass(frozen=True)
class Entry:
    """One line of the timeline. `tone` is ok, warn, danger, accent or nothing."""

    title: str
    icon: str
    tone: str
    by: str
    at: datetime
    text: str = ""


def entry_of(event: ApprovalEvent, *, of_batch: bool) -> Entry:
    """A line for an event; what happened by itself is by the deadline. Of a batch it says about which action."""
    detail = event.detail
    kinds = ApprovalEvent.Kind
    if event.kind in {kinds.DECIDED, kinds.VOTED}:
        title, icon, tone, text = _verdict(detail, numbered=of_batch and event.kind == kinds.VOTED)
    elif event.kind == kinds.OUTCOME:
        title, icon, tone, text = _outcome(detail)
    else:
        title, icon, tone, text = _other(event.kind, detail, of_batch=of_batch)
    by = _("deadline") if event.kind == kinds.EXPIRED else event.actor_label
    return Entry(title, icon, tone, by, event.at, text)


def _verdict(detail: Mapping[str, Any], *, numbered: bool) -> Words:
    title, icon, tone = {
        "approve": (_("Approved"), "check", "ok"),
        "edit": (_("Approved with changes"), "pencil", "ok"),
        "reject": (_("Rejected"), "x", "danger"),
        "respond": (_("Answered"), "message-square", "ok"),
    }.get(detail.get("verdict", ""), (_("Decided"), "list-checks", "ok"))
    item = detail.get("item")
    if numbered and isinstance(item, int) and not isinstance(item, bool):
        title = _("%(verdict)s, action %(number)d") % {"verdict": title, "number": item + 1}
    return title, icon, tone, str(detail.get("reason") or "")


def _outcome(detail: Mapping[str, Any]) -> Words:
    title, icon, tone = {
        "succeeded": (_("The action succeeded"), "circle-check", "ok"),
        "failed": (_("The action failed"), "circle-x", "danger"),
        "reverted": (_("The action was reverted"), "undo-2", "warn"),
    }[detail["status"]]
    return title, icon, tone, ""


def _other(kind: str, detail: Mapping[str, Any], *, of_batch: bool) -> Words:
    kinds = ApprovalEvent.Kind
    words: dict[str, Words] = {
        kinds.REQUESTED: (_("Requested"), "hand", "accent", ""),
        kinds.CANCELLED: (_("Taken back"), "ban", "", str(detail.get("reason") or "")),
        kinds.EXPIRED: (_("Expired"), "timer-off", "warn", _("Nobody decided in time; the agent is told to stop.")),
        kinds.MESSAGE: (_("Message"), "message-square", "", str(detail.get("text") or "")),
        kinds.INFO_REQUESTED: (_("Asked the agent"), "circle-question-mark", "accent", str(detail.get("text") or "")),
        kinds.WITHDRAWN: (_("Took the decision back"), "undo-2", "warn", ""),
        kinds.CONSUMED: (_("Receipt used up"), "play", "accent", _used(detail, of_batch=of_batch)),
        kinds.CLAIMED: (_("Claimed"), "hand", "", _taken_from(detail)),
        kinds.RELEASED: (_("Let go"), "circle-minus", "", ""),
        kinds.ASSIGNED: (_("Assigned"), "user-round-check", "", _assigned_to(detail)),
        kinds.ESCALATED: (_("Escalated"), "trending-up", "warn", str(detail.get("to") or "")),
        kinds.REMINDED: (_("Reminded"), "bell", "", ""),
    }
    return words.get(kind, (kind.replace("_", " ").capitalize(), "circle", "", ""))


def _used(detail: Mapping[str, Any], *, of_batch: bool) -> str:
    item = detail.get("item")
    if of_batch and isinstance(item, int):
        return _("Action %(number)d is about to run.") % {"number": item + 1}
    return _("The action is about to run.")


def _taken_from(detail: Mapping[str, Any]) -> str:
    name = detail.get("taken_from")
    return _("Taken over from %(name)s.") % {"name": name} if name else ""


def _assigned_to(detail: Mapping[str, Any]) -> str:
    """The person, the team, or both; nobody in particular is everybody."""
    person, team, meant, name = (detail.get(key) for key in ("user", "team", "instead_of", "taken_from"))
    to = " · ".join(str(name) for name in (person, team) if name) or _("everybody who may decide")
    if person and meant:
        to = _("%(person)s, who stands in for %(meant)s") % {"person": person, "meant": meant}
    return _("%(to)s, instead of %(name)s who held it") % {"to": to, "name": name} if name else to
