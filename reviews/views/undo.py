"""What a person has just decided together and can still take back: kept in their session for as long as that lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max
from django.http import HttpRequest

from agents.models import Project
from console.lib import clock
from reviews.models import Approval

KEY = "reviews.undo"


@dataclass(frozen=True)
class Undo:
    """The requests that were decided together, and until when the agent of the last of them is not told."""

    ids: Sequence[str]
    since: datetime
    until: datetime


def remember(request: HttpRequest, project: Project, decided: Sequence[UUID]) -> None:
    """Keeps what has just been decided, as far as the project gives time to take it back."""
    now = clock.now()
    rows = Approval.objects.of_project(project).filter(pk__in=decided, settles_at__gt=now)
    ids = [str(key) for key in rows.values_list("pk", flat=True)]
    last = rows.aggregate(until=Max("settles_at"))["until"]
    if last is None:
        return
    request.session[KEY] = {"project": project.pk, "ids": ids, "since": now.isoformat(), "until": last.isoformat()}


def undo_left(request: HttpRequest, project: Project) -> Undo | None:
    """What can still be taken back in a project; None when there is nothing, or the time is over."""
    kept = request.session.get(KEY)
    if not kept or kept["project"] != project.pk:
        return None
    since, until = datetime.fromisoformat(kept["since"]), datetime.fromisoformat(kept["until"])
    return Undo(kept["ids"], since, until) if until > clock.now() else None


def forget(request: HttpRequest) -> None:
    """After it has been taken back."""
    request.session.pop(KEY, None)
