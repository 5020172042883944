"""A project with channels, and what has to happen for something to be sent through them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import Settings

from agents.messages import Event
from agents.models import Channel, Project, User
from agents.services import channels, outbox
from console.lib.addresses import networks
from tests.receiving import Receiver, receiving

MakeChannel = Callable[..., Channel]
Happen = Callable[..., None]


@pytest.fixture
def now() -> datetime:
    """The present: receivers of signed messages compare with their own clock."""
    return datetime.now(UTC)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOWED_NETWORKS = networks(["127.0.0.1/32"])
    with receiving() as server:
        yield server


@pytest.fixture
def mails(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example.org"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture
def channel(project: Project, admin: User, now: datetime) -> MakeChannel:
    def make(kind: str, target: str = "", **fields: Any) -> Channel:
        given: dict[str, Any] = {"project": project, "name": kind, "by": admin, "now": now}
        given |= fields
        return channels.create(kind=kind, target=target, **given)

    return make


@pytest.fixture
def happen(project: Project, now: datetime) -> Happen:
    """Puts an event into the outbox."""

    def write(**fields: Any) -> None:
        at = fields.pop("now", now)
        given: dict[str, Any] = {
            "project_id": project.pk,
            "type": "approval.requested",
            "title": "Approval wanted: refund",
            "body": "A large refund",
            "path": f"/p/{project.slug}/queue/1/",
            "data": {"id": "1", "status": "pending"},
        }
        outbox.record(events=[Event(**(given | fields))], now=at)

    return write
