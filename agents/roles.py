"""Roles are data: which permissions each one carries (ARCHITECTURE.md, section 5)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.permissions import Permission as P


class Role(models.TextChoices):
    """What a person is in a project."""

    VIEWER = "viewer", _("Viewer")
    OPERATOR = "operator", _("Operator")
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Lead")
    AUDITOR = "auditor", _("Auditor")
    ADMIN = "admin", _("Admin")


ROLE_SUMMARIES = {
    Role.VIEWER: _("Sees telemetry and requests."),
    Role.OPERATOR: _("Watches agents; edits dashboards, budgets and alerts."),
    Role.REVIEWER: _("Decides on requests and sees feedback."),
    Role.LEAD: _("Reviews, assigns, edits policies and exports feedback."),
    Role.AUDITOR: _("Reads everything, including the audit log."),
    Role.ADMIN: _("Runs the project: members, keys and settings."),
}

_VIEW = {P.TELEMETRY_VIEW, P.APPROVAL_VIEW}
_REVIEW = _VIEW | {P.APPROVAL_DECIDE, P.SCORE_CREATE, P.FEEDBACK_VIEW}

ROLE_PERMISSIONS: dict[Role, frozenset[P]] = {
    Role.VIEWER: frozenset(_VIEW),
    Role.OPERATOR: frozenset(_VIEW | {P.ALERT_EDIT, P.BUDGET_EDIT, P.AGENT_MANAGE, P.DASHBOARD_EDIT}),
    Role.REVIEWER: frozenset(_REVIEW),
    Role.LEAD: frozenset(_REVIEW | {P.FEEDBACK_EXPORT, P.APPROVAL_ASSIGN, P.POLICY_EDIT}),
    Role.AUDITOR: frozenset(_VIEW | {P.FEEDBACK_VIEW, P.FEEDBACK_EXPORT, P.AUDIT_VIEW}),
    Role.ADMIN: frozenset(P),
}


def roles_with(permission: P) -> list[Role]:
    """Every role that carries `permission`."""
    return [role for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]
