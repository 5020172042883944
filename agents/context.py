"""What the shell around every page shows: projects, navigation, the bell."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agents.access import LAST_PROJECT
from agents.models import Project, User
from agents.permissions import Permission
from agents.selectors import places_of, unread_count

# (label, icon, URL name, permission, shortcut key): only what exists, in the order of the rail.
NAVIGATION = [
    (_("Overview"), "layout-dashboard", "metrics:overview", Permission.TELEMETRY_VIEW, "g o"),
    (_("Queue"), "inbox", "reviews:queue", Permission.APPROVAL_VIEW, "g q"),
    (_("Traces"), "list-tree", "metrics:traces", Permission.TELEMETRY_VIEW, "g t"),
    (_("Sessions"), "messages-square", "metrics:sessions", Permission.TELEMETRY_VIEW, "g e"),
    (_("Agents"), "bot", "metrics:agents", Permission.TELEMETRY_VIEW, "g g"),
    (_("Costs"), "circle-dollar-sign", "metrics:costs", Permission.TELEMETRY_VIEW, "g c"),
    (_("Logs"), "scroll-text", "metrics:logs", Permission.TELEMETRY_VIEW, "g l"),
    (_("Metrics"), "chart-line", "metrics:metrics", Permission.TELEMETRY_VIEW, "g m"),
    (_("Analytics"), "gauge", "reviews:analytics", Permission.APPROVAL_VIEW, "g y"),
    (_("Annotation"), "star", "metrics:annotation", Permission.TELEMETRY_VIEW, "g n"),
    (_("Feedback"), "graduation-cap", "reviews:feedback", Permission.FEEDBACK_VIEW, "g f"),
    (_("Policies"), "scale", "reviews:policies", Permission.APPROVAL_VIEW, "g p"),
    (_("Audit log"), "book-open-check", "agents:audit", Permission.AUDIT_VIEW, "g a"),
    (_("Settings"), "settings", "agents:project-settings", Permission.PROJECT_MANAGE, "g s"),
]


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of templates/base.html. Nearly empty for visitors and for requests that render no shell."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or request.headers.get("HX-Request") == "true":
        return {"can_mail": bool(settings.EMAIL_HOST)}
    places = places_of(user)
    projects = [place.project for place in places if place.project.archived_at is None]
    project = shown_project(request, projects)
    permissions = next((place.permissions for place in places if place.project == project), frozenset())
    return {
        "can_mail": bool(settings.EMAIL_HOST),
        "project": project,
        "projects": projects,
        "may_create_projects": user.is_superuser or any(Permission.PROJECT_MANAGE in one.permissions for one in places),
        "unread_count": unread_count(user),
        "nav_items": nav_items(project, permissions, request.path) if project else [],
    }


def shown_project(request: HttpRequest, projects: list[Project]) -> Project | None:
    """The page's project; on pages of no project, and of an archived one, the one that was open last."""
    own = getattr(request, "project", None)
    slug = own.slug if own else request.session.get(LAST_PROJECT)
    return next((project for project in projects if project.slug == slug), projects[0] if projects else None)


def nav_items(project: Project, permissions: frozenset[Permission], path: str) -> list[dict[str, Any]]:
    """The rail: what a role may not see is absent."""
    items = []
    for label, icon, name, permission, key in NAVIGATION:
        if permission in permissions:
            url = reverse(name, kwargs={"project": project.slug})
            home = name == "metrics:overview"
            active = path == url if home else path.startswith(url)
            items.append({"label": label, "icon": icon, "url": url, "key": key, "active": active, "name": name})
    return items
