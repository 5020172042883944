"""A project with a key, and a way to post OTLP to the ASGI application as an exporter does."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from agents.models import Project
from agents.permissions import Scope
from agents.services import keys
from console.lib import clock
from metrics.api import otlp
from tests.metrics.ingest.captures import RECORDED, Recording

PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Sender:
    """An exporter with the key of one project."""

    project: Project
    key: str

    def post(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str = PROTOBUF,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request through the ASGI application."""
        sent = {"content-type": content_type, "authorization": f"Bearer {self.key}", "content-length": str(len(body))}
        return asyncio.run(call(path, body, method=method, headers=sent | dict(headers or {})))

    def replay(self, recording: Recording) -> Reply:
        """A recorded request with this sender's key in place of the recorded one."""
        headers = {name: value for name, value in recording.headers.items() if name != "host"}
        return asyncio.run(
            call(recording.path, recording.body, headers=headers | {"authorization": f"Bearer {self.key}"})
        )


async def call(path: str, body: bytes, *, headers: Mapping[str, str], method: str = "POST") -> Reply:
    """One request through the ASGI application, the body in two parts."""
    half = len(body) // 2
    parts: list[MutableMapping[str, Any]] = [
        {"type": "http.request", "body": body[:half], "more_body": True},
        {"type": "http.request", "body": body[half:], "more_body": False},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return parts.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 40000),
    }
    await otlp.application(scope, receive, send)
    start, end = sent
    return Reply(start["status"], {k.decode(): v.decode() for k, v in start["headers"]}, end["body"])


@pytest.fixture
def at_recording(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Makes it the day of the recordings."""
    monkeypatch.setattr(clock, "now", lambda: RECORDED)
    return RECORDED


@pytest.fixture
def new_sender(transactional_db: None) -> Callable[..., Sender]:
    """Makes senders, each with a project of its own. Their requests commit, in threads of their own."""

    def make(slug: str = "fleet", scopes: tuple[Scope, ...] = (Scope.TELEMETRY_WRITE,)) -> Sender:
        project = Project.objects.create(slug=slug, name=slug)
        issued = keys.create(
            project=project,
            name="exporter",
            scopes=scopes,
            expires_at=None,
            allowed_networks=(),
            by=None,
            now=RECORDED,
        )
        return Sender(project, issued.secret)

    return make


@pytest.fixture
def sender(new_sender: Callable[..., Sender], at_recording: datetime) -> Sender:
    """A sender on the day of the recordings."""
    return new_sender()
