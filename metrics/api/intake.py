"""What every door of telemetry does alike: who sends, is there room, decode, store, and what came of it.

The doors (OTLP over HTTP, OTLP over gRPC) bring headers and bytes, and put an Outcome or a Problem in their own words.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

from agents.access import api_project
from agents.authentication import caller_at_once, caller_from_headers, seen_before
from agents.models import Project
from agents.permissions import Scope
from console.lib import clock
from console.lib.http import Problem
from console.lib.streams import BadEncoding, TooLarge, inflate
from metrics.ingest import otlp, pipeline
from metrics.ingest.limits import Malformed, TooMuch
from metrics.ingest.pipeline import Outcome, PreparedSpans
from metrics.ingest.writer import Written

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BUSY_SECONDS = 1
DATABASE_AWAY_SECONDS = 5
# How long a body may take to arrive, from the first byte to the last.
READ_SECONDS = 30.0
# Decoding holds the interpreter, so more threads would only take turns; log records and points are written in them.
WORKERS = 4
# Log records and points are stored by those who decode them: they must not hold up spans when they have to wait.
SIGNAL_WORKERS = 2
# What a row takes in memory until it is stored, besides the bytes that it came in.
ROW_BYTES = 4_096
# Whoever comes with unknown keys waits for other strangers, not in front of those who are known.
DOORKEEPERS = 2
# So many are asked about at once: a quarter of a second's work. Further ones are told to come back.
MOST_UNKNOWN = 500

_workers = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="telemetry")
_signal_workers = ThreadPoolExecutor(max_workers=SIGNAL_WORKERS, thread_name_prefix="telemetry-signals")
# What is known of a key is asked again every few seconds, however many strangers wait.
_renewals = ThreadPoolExecutor(max_workers=1, thread_name_prefix="telemetry-renewals")
_doorkeepers = ThreadPoolExecutor(max_workers=DOORKEEPERS, thread_name_prefix="telemetry-keys")


class Budget:
    """The bytes of all requests that are being read or stored, so that a burst cannot take all memory."""

    def __init__(self) -> None:
        self.used = 0
        self._lock = threading.Lock()  # workers take as well, for what bodies unfold to

    def check(self, count: int) -> None:
        """Raises Problem 503 unless so many bytes could be taken now."""
        if self.used + count > settings.INGEST_MAX_IN_FLIGHT:
            raise busy()

    def change(self, count: int) -> None:
        """Takes bytes, or gives them back when negative. Raises Problem 503 instead of taking too many."""
        with self._lock:
            if count > 0:
                self.check(count)
            self.used += count


budget = Budget()


class Share:
    """What one request holds of the budget: never more than has arrived or was unfolded."""

    def __init__(self, held: int = 0) -> None:
        self.held = held

    def take(self, count: int) -> None:
        """Takes bytes for this request. Raises Problem 503."""
        budget.change(count)
        self.held += count

    def give_back(self) -> None:
        """Returns all bytes of this request."""
        held, self.held = self.held, 0
        budget.change(-held)

    def handed_over(self) -> "Share":
        """The same bytes in other hands."""
        held, self.held = self.held, 0
        return Share(held)


@dataclass(frozen=True, slots=True)
class Export:
    """The body of an export request. `signal` is traces, logs or metrics; `encoding` as in Content-Encoding."""

    signal: str
    json: bool
    encoding: str
    body: bytes


def busy() -> Problem:
    """What a sender is told when there is no room for the batch: keep it, and try again soon."""
    return Problem(503, "Too much is being stored at once.", headers={"Retry-After": str(BUSY_SECONDS)})


_asked_about = 0  # changed in the event loop only


async def project_of(headers: Mapping[str, str], query: Mapping[str, str], client_ip: str) -> Project:
    """The project that the sender may write to. `headers` have lower-case names. Raises Problem 401, 403, 429, 503."""
    caller = caller_at_once(headers, client_ip, clock.now())
    if caller is None:
        return await _unknown_sender(headers, query, client_ip)
    return api_project(caller, query={}, headers={}, scope=Scope.TELEMETRY_WRITE, permission=None)


async def _unknown_sender(headers: Mapping[str, str], query: Mapping[str, str], client_ip: str) -> Project:
    def ask() -> Project:
        caller = caller_from_headers(headers, client_ip, clock.now())
        return api_project(caller, query=query, headers=headers, scope=Scope.TELEMETRY_WRITE, permission=None)

    if seen_before(headers):
        with _told():
            return await _in_thread(_renewals, ask)
    global _asked_about
    if _asked_about >= MOST_UNKNOWN:
        raise Problem(503, "Too many unknown keys at once.", headers={"Retry-After": str(BUSY_SECONDS)})
    _asked_about += 1
    try:
        with _told():
            return await _in_thread(_doorkeepers, ask)
    finally:
        _asked_about -= 1


_at_hand = 0  # changed in the event loop only


def at_hand() -> int:
    """How many batches this process is decoding or storing."""
    return _at_hand


async def store(project: Project, export: Export, share: Share) -> Outcome:
    """Decodes and stores; returns after the commit. Raises Problem 400, 413, 503, or 500 for our own mistakes.

    The work goes on when its sender leaves, and holds the bytes of `share` until it is done.
    """
    work = asyncio.ensure_future(_stored(project, export, share.handed_over()))
    # Nobody may be left to ask how it ended; what matters of it has been logged.
    work.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(work)


async def _stored(project: Project, export: Export, share: Share) -> Outcome:
    global _at_hand
    _at_hand += 1
    try:
        with _told():
            workers = _workers if export.signal == "traces" else _signal_workers
            taken = await _in_thread(workers, lambda: _take_in(project, export, share))
            if isinstance(taken, Outcome):
                return taken
            prepared, written = taken
            return prepared.outcome(await asyncio.wrap_future(written))
    finally:
        _at_hand -= 1
        share.give_back()


def _take_in(project: Project, export: Export, share: Share) -> "Outcome | tuple[PreparedSpans, Future[Written]]":
    """In a worker: everything up to the commit of spans, and all of it for the rest, which comes far less often."""
    now = clock.now()
    # What the project would forget within the hour is refused rather than acknowledged.
    window = pipeline.accepted_window(now, project.retention_days)
    try:
        plain = inflate(export.body, export.encoding, limit=settings.OTLP_MAX_BODY)
        if plain is not export.body:
            # At most WORKERS bodies are unfolded at a time, so what is not yet accounted for is bounded as well.
            share.take(len(plain))
        if export.signal == "traces":
            with pipeline.spans_coming():
                spans = otlp.spans(plain, json=export.json)
                share.take(ROW_BYTES * len(spans.rows))
                prepared = pipeline.prepare_spans(project.pk, spans, now, window=window)
                return prepared, pipeline.submit_spans(prepared)
        if export.signal == "logs":
            logs = otlp.logs(plain, json=export.json)
            share.take(ROW_BYTES * len(logs.rows))
            return pipeline.store_logs(project.pk, logs, now, window=window)
        points = otlp.points(plain, json=export.json)
        share.take(ROW_BYTES * len(points.rows))
        return pipeline.store_points(project.pk, points, now, window=window)
    except TooLarge as error:
        raise Problem(413, f"The decompressed body is larger than {settings.OTLP_MAX_BODY} bytes.") from error
    except TooMuch as error:
        raise Problem(413, str(error)) from error
    except (BadEncoding, Malformed) as error:
        raise Problem(400, str(error)) from error


async def _in_thread(threads: ThreadPoolExecutor, step: Callable[[], Result]) -> Result:
    def borrowed() -> Result:
        try:
            return step()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, borrowed)


@contextmanager
def _told() -> Iterator[None]:
    """Turns whatever goes wrong into what the sender is told."""
    try:
        yield
    except Problem:
        raise
    except (OperationalError, InterfaceError, InternalError) as error:
        # Away, full or read-only: the sender keeps the batch and tries again.
        logger.exception("telemetry could not be stored")
        retry = {"Retry-After": str(DATABASE_AWAY_SECONDS)}
        raise Problem(503, "The database does not take telemetry at the moment.", headers=retry) from error
    except Exception as error:
        logger.exception("telemetry could not be processed")
        raise Problem(500, "Handrail failed to process this batch.") from error
