"""A whole Handrail whose processes are killed, by one test after the other in one xdist worker (tests.scheduling)."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agents.models import token
from agents.models.credential import digest, new_secret
from console.lib.embedded import free_port
from tests.e2e.running import Console, start
from tests.faults.examining import Stored

# Exporters in a test send as fast as they are answered, with one key.
NO_LIMIT = "1000000"


def start_console(folder: Path) -> Console:
    """`manage.py up` with two web workers and gRPC on a port of its own."""
    port = str(free_port())
    return start(folder, OTLP_GRPC_PORT=port, RATE_LIMIT_PER_KEY=NO_LIMIT, WEB_WORKERS="2", LOG_LEVEL="WARNING")


@pytest.fixture(scope="package")
def console() -> Iterator[Console]:
    folder = Path(tempfile.mkdtemp(prefix="handrail faults "))
    folder.chmod(0o711)
    running = start_console(folder / "data")
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stored(console: Console) -> Stored:
    """What the console's database holds."""
    return Stored(console)


@pytest.fixture
def reviewer(console: Console, stored: Stored) -> Iterator[httpx.Client]:
    """The admin, with a personal token."""
    secret = new_secret(token.PREFIX)
    stored.query(
        "INSERT INTO agents_personaltoken (name, secret_hash, hint, created_at, user_id)"
        f" SELECT 'test', '\\x{digest(secret).hex()}', '', now(), id FROM agents_user WHERE email = '{console.email}'"
    )
    with httpx.Client(base_url=console.url, headers={"Authorization": f"Bearer {secret}"}, timeout=70) as client:
        yield client


@pytest.fixture
def agent(console: Console) -> Iterator[httpx.Client]:
    with console.agent() as client:
        yield client
