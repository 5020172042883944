"""The tables of people and projects, one file per subject."""

from agents.models.api_key import ApiKey
from agents.models.audit import AuditEvent
from agents.models.channel import Channel, ChannelRule
from agents.models.idempotency import IdempotencyRecord
from agents.models.invitation import Invitation
from agents.models.notification import Notification
from agents.models.outbox import Attempt, Delivery, Endpoint, OutboxEvent
from agents.models.project import Membership, Project
from agents.models.team import Away, Team, TeamMember
from agents.models.token import PersonalToken
from agents.models.user import User

__all__ = [
    "ApiKey",
    "Attempt",
    "AuditEvent",
    "Away",
    "Channel",
    "ChannelRule",
    "Delivery",
    "Endpoint",
    "IdempotencyRecord",
    "Invitation",
    "Membership",
    "Notification",
    "OutboxEvent",
    "PersonalToken",
    "Project",
    "Team",
    "TeamMember",
    "User",
]
