"""`up` starts anywhere, twice side by side, quickly, and after kill -9, with everything it had promised still there."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import Console, start
from tests.waiting import eventually

SECOND_START_SECONDS = 10.0


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Console]:
    running = start(tmp_path / "a folder of its own")
    yield running
    if running.process.poll() is None:
        running.stop()


def request_approval(console: Console, action: str) -> str:
    with console.agent() as agent:
        answer = agent.post("/api/v1/approvals", json={"action": action})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


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


def kill_child(console: Console, program: str) -> None:
    """SIGKILL for the child of `up` that runs `program`."""
    import psutil

    children = psutil.Process(console.process.pid).children()
    child = next(child for child in children if Path(child.exe()).name == program)
    child.kill()


def test_the_first_credentials_are_for_their_owner_alone(own: Console) -> None:
    assert (own.folder / "first-run.json").stat().st_mode & 0o077 == 0
    assert (own.folder / "secret-key").stat().st_mode & 0o077 == 0
