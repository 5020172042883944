"""What could not be delivered while the server was away: kept on disk, and sent in order when it is back.

One file per call, written beside and renamed into place, so that a crash leaves a whole file or none. Its name says
when it was made; several processes may share a folder. Every call that is kept here may be repeated without harm
(spans by their ids, outcomes by their idempotency key), so what a crash sends twice counts once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from handrail.retry import RetryPolicy, is_transient
from handrail.transport import Blocking
from handrail.wire import Request, Response, Server, TransportFailure

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
# The key may be mended; everything else that the server refuses will be refused again.
_KEPT_REFUSALS = frozenset({401, 403})

_log = logging.getLogger("handrail")


class Spool:
    """A folder of calls to be made later. Safe to share between threads and processes.

    folder: created when missing, for this user alone. max_bytes: beyond it, the oldest calls are dropped and counted.
    """

    def __init__(self, folder: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        if max_bytes <= 0:
            raise ValueError("max_bytes must be positive")
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._last = 0

    @property
    def dropped(self) -> int:
        """How many calls were lost to the size limit, since the folder was made."""
        try:
            return int((self.folder / "dropped").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return 0

    def __len__(self) -> int:
        return len(self._files())

    def __bool__(self) -> bool:
        """True, also when nothing is kept: an empty spool is not the same as none."""
        return True

    def add(self, request: Request) -> None:
        """Keep a call; returns once it is on disk. A call that is larger than the limit is dropped at once."""
        head = {"method": request.method, "path": request.path, "headers": dict(request.headers)}
        content = json.dumps(head).encode() + b"\n" + (request.body or b"")
        with self._lock:
            if len(content) > self.max_bytes:
                self._count_dropped(1)
                return
            self._make_room(len(content))
            # Never twice the same, and never backwards when the clock is.
            self._last = max(time.time_ns(), self._last + 1)
            name = f"{self._last:020d}-{os.getpid()}"
            _write(self.folder / f"{name}.call", content)

    def drain(self, send: Callable[[Request], Response | TransportFailure]) -> bool:
        """Make the kept calls, oldest first, until one fails for now. Returns whether nothing is left.

        A call that the server refuses for good is dropped, with a warning. False also when another one drains.
        """
        with _sole(self.folder / "lock") as alone:
            if not alone:
                return False
            for path in self._files():
                request = _read(path)
                if request is not None:
                    result = send(request)
                    if is_transient(result):
                        return False
                    assert isinstance(result, Response)
                    if result.status in _KEPT_REFUSALS:
                        _log.warning("%s: HTTP %d; what is spooled stays", request.what, result.status)
                        return False
                    if result.status >= 400:
                        _log.warning("%s: refused with HTTP %d, dropped", request.what, result.status)
                path.unlink(missing_ok=True)
        return not self._files()

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.call"))

    def _make_room(self, wanted: int) -> None:
        sizes = [(path, size) for path in self._files() if (size := _size(path)) is not None]
        total = sum(size for _, size in sizes)
        gone = 0
        for path, size in sizes:
            if total + wanted <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
            gone += 1
        if gone:
            self._count_dropped(gone)

    def _count_dropped(self, more: int) -> None:
        _write(self.folder / "dropped", str(self.dropped + more).encode())
        _log.warning("The spool %s is full: %d calls dropped so far", self.folder, self.dropped)


class Courier:
    """Delivers calls that need no answer: at once, or from the spool when the server is back.

    A thread of its own empties the spool, also of what an earlier process left, with the pauses of the retry policy.
    """

    def __init__(self, server: Server, spool: Spool, policy: RetryPolicy | None = None) -> None:
        self._transport = Blocking(server)
        self._spool = spool
        self._policy = policy or RetryPolicy()
        self._closing = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        if len(spool):
            self._start()

    def deliver(self, request: Request) -> None:
        """Send, behind what is spooled already; keep it when the server is away."""
        if len(self._spool) == 0:
            result = self._transport.send(request)
            if not is_transient(result):
                assert isinstance(result, Response)
                if result.status >= 400:
                    _log.warning("%s: refused with HTTP %d, dropped", request.what, result.status)
                return
        self.keep(request)

    def keep(self, request: Request) -> None:
        """Keep a call for later."""
        self._spool.add(request)
        self._start()

    def flush(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the spool to be empty; returns whether it is."""
        deadline = time.monotonic() + timeout
        while len(self._spool) and time.monotonic() < deadline and not self._closing.is_set():
            self._start()
            self._closing.wait(min(0.05, max(0.0, deadline - time.monotonic())))
        return len(self._spool) == 0

    def close(self) -> None:
        """Try once more to empty the spool, then stop. What is left stays on disk."""
        self._closing.set()
        thread = self._thread
        if thread is not None:
            thread.join()
        if len(self._spool):
            self._spool.drain(self._transport.send)
        self._transport.close()

    def _start(self) -> None:
        with self._starting:
            if not self._closing.is_set() and (self._thread is None or not self._thread.is_alive()):
                self._thread = threading.Thread(target=self._empty, name="handrail-spool", daemon=True)
                self._thread.start()

    def _empty(self) -> None:
        rng, failures = random.Random(), 0  # noqa: S311 - jitter, no secret
        while not self._closing.is_set() and not self._spool.drain(self._transport.send):
            failures += 1
            self._closing.wait(self._policy.pause(failures, None, rng))


def _write(path: Path, content: bytes) -> None:
    """The file, whole or not at all, also after a loss of power."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path: Path) -> Request | None:
    """The call in a file; None when it is none, or another process made it meanwhile."""
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        said = json.loads(head)
        return Request(said["method"], said["path"], said["headers"], body)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


@contextlib.contextmanager
def _sole(path: Path) -> Iterator[bool]:
    """Whether this process is the only one here. Where files cannot be locked everybody is: sent twice counts once."""
    try:
        import fcntl
    except ImportError:
        yield True
        return
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
