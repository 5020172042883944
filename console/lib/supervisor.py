"""Starts child processes in order, restarts the ones that die, stops all: together, but servers after all others.

Each child runs in a session of its own, so that Ctrl-C reaches only the supervisor, which then stops the
children. On Linux a child is told by the kernel when the supervisor itself is killed.
"""

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

logger = logging.getLogger("handrail.supervisor")

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.2
BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 30.0
STABLE_AFTER_SECONDS = 60.0


class ChildFailed(Exception):
    """A child did not become ready."""


@dataclass
class Child:
    """One process: how it starts, how it shows that it is ready, how it is asked to stop.

    `ready` may be polled often and must not raise; a first start is tried `attempts` times; `run_as` is a
    (uid, gid) that root drops to; `stdin` is written once and closed; `log` receives both output streams, None
    lets them through. Others need a `server` until they have stopped.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool] = lambda: True
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    ready_seconds: float = 30.0
    attempts: int = 1
    run_as: tuple[int, int] | None = None
    stdin: bytes | None = None
    log: Path | None = None
    cwd: Path | None = None
    server: bool = False
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    restart_at: float = field(default=0.0, init=False)
    asked_at: float = field(default=0.0, init=False)
    backoff: float = field(default=BACKOFF_FIRST_SECONDS, init=False)

    def spawn(self) -> None:
        """Starts the process."""
        self.started_at, self.asked_at = time.monotonic(), 0.0
        output = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                list(self.argv),
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.PIPE if self.stdin is not None else subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                user=self.run_as[0] if self.run_as else None,
                group=self.run_as[1] if self.run_as else None,
                extra_groups=[] if self.run_as else None,
                preexec_fn=_die_with_parent(self.stop_signal),  # noqa: PLW1509  # the supervisor has one thread
            )
        finally:
            if output:
                output.close()
        if self.stdin is not None and self.process.stdin:
            self.process.stdin.write(self.stdin)
            self.process.stdin.close()

    def wait_ready(self) -> None:
        """Blocks until `ready()`; raises ChildFailed when the process ends or takes too long."""
        deadline = time.monotonic() + self.ready_seconds
        attempts = self.attempts
        while not self.ready():
            assert self.process is not None
            code = self.process.poll()
            if code is not None and attempts > 1:
                attempts -= 1
                time.sleep(BACKOFF_FIRST_SECONDS)
                self.spawn()
            elif code is not None:
                raise ChildFailed(f"{self.name} stopped with exit status {code}{self._log_hint()}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready within {self.ready_seconds:.0f} s{self._log_hint()}")
            time.sleep(POLL_SECONDS / 4)

    def _log_hint(self) -> str:
        return f"; see {self.log}" if self.log else ""

    def ask_to_stop(self) -> None:
        """Asks the process to stop, once: many take a second signal for an order to drop everything."""
        if self.process is not None and self.process.poll() is None and not self.asked_at:
            self.asked_at = time.monotonic()
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Asks the process to stop, and kills what is left of its session in the end."""
        if self.process is None:
            return
        self.ask_to_stop()
        if self.process.poll() is None:
            try:
                self.process.wait(max(self.asked_at + self.stop_seconds - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                logger.warning("child_killed", extra={"child": self.name})
        self.kill_session()

    def kill_session(self) -> None:
        """Kills the process and everything it started: workers of a dead master would serve on with old state."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, death_signal)


class Supervisor:
    """Keeps children alive until it is told to stop by SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._stopping = False

    def start(self, child: Child) -> None:
        """Starts a child, to be watched from now on; it may not be ready yet."""
        child.spawn()
        self._children.append(child)

    @property
    def children(self) -> Sequence[Child]:
        """Everything that has been started, in order."""
        return tuple(self._children)

    def watch(self) -> None:
        """Restarts dead children, with backoff, until a signal arrives."""
        while not self._stopping:
            for child in self._children:
                self._tend(child)
            time.sleep(POLL_SECONDS)

    def handle_signals(self) -> None:
        """Makes SIGINT and SIGTERM end `watch`."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _tend(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None or child.process.poll() is None:
            if now - child.started_at > STABLE_AFTER_SECONDS:
                child.backoff = BACKOFF_FIRST_SECONDS
            return
        if not child.restart_at:
            facts = {"child": child.name, "status": child.process.returncode, "again_in_s": child.backoff}
            logger.error("child_died", extra=facts)
            child.restart_at = now + child.backoff
            child.backoff = min(child.backoff * 2, BACKOFF_MAX_SECONDS)
        elif now >= child.restart_at:
            child.restart_at = 0.0
            child.kill_session()
            try:
                child.spawn()
            except OSError as error:
                # No room for its log, no process to be had: that passes, and the others need their supervisor.
                logger.error("child_not_started", extra={"child": child.name, "reason": str(error)})

    def stop(self) -> None:
        """Stops every child: all that are no servers at once, then the servers, the last started first."""
        for child in reversed(self._children):
            if not child.server:
                child.ask_to_stop()
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
