"""What the shell around every page shows of the queue."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from reviews.selectors.queue import waiting_count


def queue(request: HttpRequest) -> dict[str, Any]:
    """How many requests wait in the page's project, for the rail. Nothing for fragments and for pages without one."""
    project = getattr(request, "project", None)
    permissions: frozenset[Permission] = getattr(request, "project_permissions", frozenset())
    if not isinstance(project, Project) or request.headers.get("HX-Request") == "true":
        return {}
    return {"queue_count": waiting_count(project, now=clock.now())} if Permission.APPROVAL_VIEW in permissions else {}
