"""A server of our ASGI application over real HTTP, for those who speak to its /mcp."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from agents.models import Project
from agents.permissions import Scope
from console.lib.embedded import free_port
from console.lib.notices import listener
from tests.reviews.conftest import make_key
from tests.waiting import eventually

ALL = (Scope.APPROVALS_REQUEST, Scope.TELEMETRY_READ)


@pytest.fixture
def address(settings: Any) -> Iterator[str]:
    """A server of our ASGI application, in a thread of its own."""
    from console.asgi import dispatch

    port = free_port()
    settings.CSRF_TRUSTED_ORIGINS = [f"http://127.0.0.1:{port}"]
    server = uvicorn.Server(uvicorn.Config(dispatch, port=port, lifespan="off", log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join(20)
    listener.stop()


@pytest.fixture
def secret(project: Project) -> str:
    return make_key(project, *ALL)[1]
