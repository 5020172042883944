"""One shared, thread-safe Valkey client that gives up quickly: nothing that is promised depends on Valkey.

After a failure every caller is told `None` at once for a second, so that a dead Valkey costs a
request microseconds instead of a connect timeout.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")
U = TypeVar("U")

TIMEOUT_SECONDS = 0.2
PAUSE_AFTER_FAILURE_SECONDS = 1.0

_lock = threading.Lock()
_client: "redis.Redis | None" = None
_paused_until = 0.0


def _shared_client() -> "redis.Redis":
    global _client
    with _lock:
        if _client is None:
            _client = redis.Redis.from_url(
                settings.VALKEY_URL,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),
            )
        return _client


def attempt(operation: "Callable[[redis.Redis], T]") -> T | None:
    """Runs `operation` with the client; returns None when Valkey is away or was away within the last second."""
    return guarded(lambda: operation(_shared_client()), lambda: None)


def guarded(operation: Callable[[], T], otherwise: Callable[[], U]) -> T | U:
    """The result of `operation`, or of `otherwise` when Valkey is away or was away within the last second."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return otherwise()
    try:
        return operation()
    except (redis.RedisError, OSError):
        _paused_until = time.monotonic() + PAUSE_AFTER_FAILURE_SECONDS
        return otherwise()


def alive() -> bool:
    """Whether Valkey answers a PING now."""
    return bool(attempt(lambda client: client.ping()))
