"""`up` starts anywhere, twice side by side, quickly, and after kill -9, with everything it had promised still there."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx
import psutil
import pytest
from django.conf import settings

from console.lib.embedded import free_port
from tests.e2e.running import Console, start
from tests.waiting import eventually

# Six to nine seconds on two processors of its own, 12 to 27 were seen where others kept them busy four times over.
# What this is to catch is a start that waits for something that does not come, for its whole limit.
SECOND_START_SECONDS = 60.0


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A second console. Each test leaves it as well as it was, but for the last, which kills it."""
    running = start(tmp_path_factory.mktemp("own") / "a folder of its own", from_nothing=True)
    yield running
    if running.process.poll() is None:
        running.stop()


def request_approval(console: Console, action: str) -> str:
    with console.agent() as agent:
        answer = agent.post("/api/v1/approvals", json={"action": action})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def test_two_consoles_run_side_by_side_without_seeing_each_other(own: Console, console: Console) -> None:
    approval = request_approval(own, "mine_alone")
    with console.agent() as stranger:
        assert stranger.get(f"/api/v1/approvals/{approval}").status_code == 404
    with httpx.Client(base_url=console.url, headers={"Authorization": f"Bearer {own.api_key}"}) as wrong_key:
        assert wrong_key.get("/api/v1/approvals").status_code == 401


def test_a_killed_server_comes_back_by_itself(own: Console) -> None:
    def ready() -> dict[str, object] | None:
        try:
            answer = httpx.get(f"{own.url}/readyz")
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    approval = request_approval(own, "before_the_crash")
    kill_child(own, "valkey-server")
    eventually(lambda: (ready() or {}).get("degraded") == [], timeout=30)
    kill_child(own, "postgres")
    eventually(lambda: (ready() or {}).get("status") == "ok", timeout=30)
    with own.agent() as agent:
        assert agent.get(f"/api/v1/approvals/{approval}").json()["status"] == "pending"


def child_of(console: Console, *words: str) -> psutil.Process:
    """The child of `up` in whose command line these words are."""
    children = psutil.Process(console.process.pid).children()
    return next(child for child in children if set(words) <= {Path(word).name for word in child.cmdline()})


def kill_child(console: Console, program: str) -> None:
    """SIGKILL for the child of `up` that runs `program`."""
    child_of(console, program).kill()


def can_send(console: Console) -> bool:
    """Whether an exporter gets through over gRPC."""
    with grpc.insecure_channel(urlsplit(console.otlp_grpc_url).netloc) as channel:
        export: Any = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        try:
            answer: bytes = export(b"", metadata=(("x-api-key", console.api_key),), timeout=5)
        except grpc.RpcError:
            return False
        return answer == b""


def test_each_console_takes_a_grpc_port_of_its_own_and_keeps_it(own: Console, console: Console) -> None:
    assert own.otlp_grpc_url != console.otlp_grpc_url
    assert can_send(own)
    assert can_send(console)
    log = own.folder.with_name(f"{own.folder.name}.log")
    assert own.otlp_grpc_url in log.read_text()
    child_of(own, "manage.py", "otlp").kill()
    eventually(lambda: can_send(own), timeout=30)


def test_a_grpc_port_that_is_asked_for_and_taken_is_an_error(console: Console, tmp_path: Path) -> None:
    port = urlsplit(console.otlp_grpc_url).port
    environment = {**os.environ, "HANDRAIL_DATA": str(tmp_path / "data"), "PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=settings.BASE_DIR,
        env=environment | {"OTLP_GRPC_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert f"Port {port} is taken. Set OTLP_GRPC_PORT to another one." in done.stderr


def test_readiness_is_answered_while_the_database_is_frozen(own: Console) -> None:
    assert httpx.get(f"{own.url}/readyz").status_code == 200
    server = child_of(own, "postgres")
    frozen = [server, *server.children(recursive=True)]
    for process in frozen:
        process.suspend()
    try:
        for _ in range(3):
            began = time.monotonic()
            assert httpx.get(f"{own.url}/readyz", timeout=10).status_code == 503
            assert time.monotonic() - began < 3
    finally:
        for process in frozen:
            process.resume()
    eventually(lambda: httpx.get(f"{own.url}/readyz", timeout=10).status_code == 200, timeout=20)


def test_the_first_credentials_are_for_their_owner_alone(own: Console) -> None:
    assert (own.folder / "first-run.json").stat().st_mode & 0o077 == 0
    assert (own.folder / "secret-key").stat().st_mode & 0o077 == 0


def test_a_second_start_is_quick_and_finds_everything_after_kill_minus_nine(own: Console) -> None:
    approval = request_approval(own, "survive")
    own.stop(signal.SIGKILL)
    began = time.monotonic()
    again = start(own.folder)
    elapsed = time.monotonic() - began
    with again.agent() as agent:
        assert agent.get(f"/api/v1/approvals/{approval}").json()["action"] == "survive"
    again.stop()
    assert again.password == own.password
    assert elapsed < SECOND_START_SECONDS
