"""The processes of a console, to be killed, and whether it has recovered."""

import contextlib
from pathlib import Path

import httpx
import psutil

from tests.e2e.running import Console
from tests.waiting import eventually

RECOVERY_SECONDS = 30.0


def server(console: Console, program: str) -> psutil.Process:
    """The child of `up` that runs a program."""
    return next(one for one in _children(console) if Path(one.exe()).name == program)


def command(console: Console, word: str) -> psutil.Process:
    """The child of `up` with a word in its command line."""
    return next(one for one in _children(console) if word in one.cmdline())


def web_workers(console: Console) -> list[psutil.Process]:
    """The processes that answer HTTP."""
    below = command(console, "uvicorn").children()
    return [one for one in below if "spawn_main" in " ".join(one.cmdline())]


def _children(console: Console) -> list[psutil.Process]:
    return psutil.Process(console.process.pid).children()


def kill_with_all_below(process: psutil.Process) -> None:
    """SIGKILL for a process and everything that it started."""
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def readiness(console: Console) -> dict[str, object]:
    """What /readyz says; empty without an answer of 200."""
    try:
        answer = httpx.get(f"{console.url}/readyz", timeout=5)
    except httpx.TransportError:
        return {}
    found: dict[str, object] = answer.json() if answer.status_code == 200 else {}
    return found


def recovers(console: Console, *, seconds: float = RECOVERY_SECONDS) -> None:
    """Waits until everything works again, Valkey included."""
    eventually(lambda: readiness(console) == {"status": "ok", "degraded": []}, timeout=seconds)
