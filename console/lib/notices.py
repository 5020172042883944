"""What other processes did, as soon as it has committed: one listening connection of PostgreSQL per process.

`send` is part of the sender's transaction. Everything travels over one channel as `topic:word,word`, so that a process
needs one LISTEN whatever it wants to hear. The listener is a thread of its own: those who hear may live in any event
loop or thread, and are called in the listener's.
"""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

import psycopg
from django.conf import settings
from django.db import connection

logger = logging.getLogger(__name__)

CHANNEL = "handrail"
APPLICATION_NAME = "handrail notices"
RECONNECT_SECONDS = 0.5
# A connection that fell silent for this long is asked whether it is still there, and given up after as long again.
HEALTH_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5
STOP_SECONDS = 5.0
# PostgreSQL sends what one commit says in packets of 8,192 bytes; to hear of them one by one makes those who wait be
# read in as many parts.
CROWD, CROWD_MAX = 64, 2_048
CROWD_SECONDS = 0.002
SEPARATOR = ","
# PostgreSQL takes up to 8,000 bytes; an identifier has at most 40.
WORDS_PER_NOTICE = 150


class Hearer(Protocol):
    """Somebody who wants to know. All calls come from the listening thread or from `subscribe`, and must not block."""

    def connected(self) -> None:
        """From now on nothing is missed; what was said before may have been."""

    def heard(self, words: Sequence[str]) -> None:
        """Something was said on the topic: all that arrived together."""

    def lost(self) -> None:
        """From now on anything may be missed, until `connected` is called again."""


def send(topic: str, words: Iterable[str]) -> None:
    """Tells every listening process, when the caller's transaction commits. Words are short: identifiers."""
    payloads = [f"{topic}:{SEPARATOR.join(some)}" for some in batched(words, WORDS_PER_NOTICE)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload", [CHANNEL, payloads])


def batched(words: Iterable[str], size: int) -> Iterator[list[str]]:
    """The words, so many at a time."""
    left = iter(words)
    while some := list(islice(left, size)):
        yield some


class Listener:
    """The listening connection and who hears what comes over it."""

    def __init__(self) -> None:
        self._hearers: defaultdict[str, list[Hearer]] = defaultdict(list)
        self._lock = threading.RLock()
        self._connected = False
        self._running: tuple[threading.Thread, asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    def subscribe(self, topic: str, hearer: Hearer) -> None:
        """The hearer is told of the topic while the listener runs, and at once when it is connected."""
        with self._lock:
            self._hearers[topic].append(hearer)
            if self._connected:
                hearer.connected()

    def unsubscribe(self, topic: str, hearer: Hearer) -> None:
        """The hearer is not called any more."""
        with self._lock:
            self._hearers[topic].remove(hearer)

    def start(self) -> None:
        """Starts listening unless it runs already; it connects, and connects again, by itself."""
        with self._lock:
            if self._running is not None and self._running[0].is_alive():
                return
            loop = asyncio.new_event_loop()
            task = loop.create_task(self._listen_forever())
            thread = threading.Thread(target=_run, args=(loop, task), name="notices", daemon=True)
            self._running = (thread, loop, task)
            thread.start()

    def stop(self) -> None:
        """Closes the connection and ends the thread."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None and running[0].is_alive():
            thread, loop, task = running
            loop.call_soon_threadsafe(task.cancel)
            thread.join(STOP_SECONDS)

    async def _listen_forever(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                logger.warning("notices_reconnecting", extra={"error": str(error)})
            except Exception:
                logger.exception("notices_failed")
            finally:
                self._turn(connected=False)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        listening = await psycopg.AsyncConnection.connect(
            settings.DATABASE_DIRECT_URL,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name=APPLICATION_NAME,
        )
        async with listening:
            await listening.execute(f"LISTEN {CHANNEL}")
            self._turn(connected=True)
            while True:
                # All that came in one packet is handed on in one go. After silence there is nothing.
                arrived = await _arrived(listening, HEALTH_SECONDS)
                if arrived:
                    self._hand_on(arrived)
                    continue
                async with asyncio.timeout(HEALTH_SECONDS):  # TimeoutError is an OSError
                    await listening.execute("SELECT 1")

    def _hand_on(self, payloads: Iterable[str]) -> None:
        said: defaultdict[str, list[str]] = defaultdict(list)
        for payload in payloads:
            topic, _, words = payload.partition(":")
            said[topic] += words.split(SEPARATOR)
        with self._lock:
            for topic, heard in said.items():
                for hearer in tuple(self._hearers.get(topic, ())):
                    hearer.heard(heard)

    def _turn(self, *, connected: bool) -> None:
        with self._lock:
            if self._connected == connected:
                return
            self._connected = connected
            for hearers in self._hearers.values():
                for hearer in tuple(hearers):
                    (hearer.connected if connected else hearer.lost)()


async def _arrived(listening: psycopg.AsyncConnection[Any], seconds: float) -> list[str]:
    """What comes next, if anything does so soon: one packet, or of a crowd all of it.

    Should the connection be lost meanwhile, so is what had come; whoever hears looks again then.
    """
    arrived = latest = [one.payload async for one in listening.notifies(timeout=seconds, stop_after=1)]
    while len(latest) >= CROWD and len(arrived) < CROWD_MAX:
        latest = [one.payload async for one in listening.notifies(timeout=CROWD_SECONDS, stop_after=1)]
        arrived = arrived + latest
    return arrived


def _run(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError:
        pass
    finally:
        loop.close()


listener = Listener()
