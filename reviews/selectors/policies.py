"""Versions of a project's policy, and requests to try one on."""

from __future__ import annotations

from uuid import UUID

from agents.models import Project
from console.lib.http import decode_cursor, encode_cursor
from reviews.checking import of_item
from reviews.models import Approval, PolicyVersion
from reviews.policy.facts import Subject
from reviews.selectors.queue import damaged


def versions_page(project: Project, *, cursor: str | None, size: int) -> tuple[list[PolicyVersion], str | None]:
    """One page of versions, the newest first, and the cursor of the next page. 400 on a damaged cursor."""
    rows = PolicyVersion.objects.filter(project=project).select_related("created_by").defer("document")
    if cursor:
        (last,) = decode_cursor(cursor, length=1)
        if not isinstance(last, int) or isinstance(last, bool) or not 0 < last < 2**31:
            raise damaged()
        rows = rows.filter(number__lt=last)
    found = list(rows.order_by("-number")[: size + 1])
    return found[:size], encode_cursor([found[size - 1].number]) if len(found) > size else None


def version_of(project: Project, number: int) -> PolicyVersion | None:
    """One version with who made it."""
    rows = PolicyVersion.objects.filter(project=project, number=min(number, 2**31 - 1))
    return rows.select_related("created_by").defer("document").first()


def past_request(project: Project, key: UUID) -> Approval | None:
    """A request that was made before, with its actions."""
    return Approval.objects.of_project(project).prefetch_related("items").filter(pk=key).first()


def subjects_of_past(approval: Approval) -> list[Subject]:
    """The actions of a request that was made before, each as conditions know it."""
    return [
        Subject(
            action=item.action,
            arguments=item.arguments,
            context=approval.context,
            confidence=approval.confidence,
            agent=approval.agent,
            agent_version=approval.agent_version,
            session_id=approval.session_id,
            trace_id=approval.trace_id,
            end_user=approval.end_user,
            flags=of_item(approval.flags, item.index),
            unchecked=bool(approval.unchecked_chars),
        )
        for item in approval.items.all()
    ]
