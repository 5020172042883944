"""What can be permitted. People get permissions through roles, API keys get scopes."""

from enum import StrEnum


class Permission(StrEnum):
    """One thing a person may do in a project."""

    TELEMETRY_VIEW = "telemetry.view"
    APPROVAL_VIEW = "approval.view"
    APPROVAL_DECIDE = "approval.decide"
    APPROVAL_ASSIGN = "approval.assign"
    SCORE_CREATE = "score.create"
    FEEDBACK_VIEW = "feedback.view"
    FEEDBACK_EXPORT = "feedback.export"
    ALERT_EDIT = "alert.edit"
    BUDGET_EDIT = "budget.edit"
    AGENT_MANAGE = "agent.manage"
    DASHBOARD_EDIT = "dashboard.edit"
    POLICY_EDIT = "policy.edit"
    AUDIT_VIEW = "audit.view"
    KEY_MANAGE = "key.manage"
    MEMBER_MANAGE = "member.manage"
    CHANNEL_MANAGE = "channel.manage"
    PROJECT_MANAGE = "project.manage"
    PRIVACY_ERASE = "privacy.erase"


class Scope(StrEnum):
    """One thing an API key may do in its project."""

    TELEMETRY_WRITE = "telemetry:write"
    TELEMETRY_READ = "telemetry:read"
    APPROVALS_REQUEST = "approvals:request"
    FEEDBACK_READ = "feedback:read"
    ADMIN = "admin"
