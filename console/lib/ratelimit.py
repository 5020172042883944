"""Fixed-window request limits, counted in Valkey and, while Valkey is away, per process.

The window is ten seconds, so a limit of 300 requests per second lets a burst of 3,000 through
and then says how long to wait. Headers follow draft-ietf-httpapi-ratelimit-headers.
"""

import threading
from dataclasses import dataclass

import redis

from console.lib import valkey

WINDOW_SECONDS = 10
LOCAL_KEYS_MAX = 10_000


@dataclass(frozen=True)
class Verdict:
    """Whether a request may pass; `limit` and `remaining` are requests per window, times are whole seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """RateLimit headers, and Retry-After when refused."""
        headers = {
            "RateLimit-Policy": f'"default";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset_seconds}',
        }
        if not self.allowed:
            headers["Retry-After"] = str(self.reset_seconds)
        return headers


_local: dict[str, int] = {}
_local_lock = threading.Lock()


def check(key: str, *, limit: int, now: float) -> Verdict:
    """Counts one request of `key` against `limit` requests per second at `now` (seconds since the epoch)."""
    window = int(now) // WINDOW_SECONDS
    slot = f"handrail:rate:{key}:{window}"
    used = valkey.attempt(lambda client: _count(client, slot))
    if used is None:
        used = _count_locally(slot)
    allowance = limit * WINDOW_SECONDS
    reset = max(1, (window + 1) * WINDOW_SECONDS - int(now))
    return Verdict(used <= allowance, allowance, max(0, allowance - used), reset)


def _count(client: "redis.Redis", slot: str) -> int:
    pipe = client.pipeline(transaction=False)
    pipe.incr(slot)
    pipe.expire(slot, WINDOW_SECONDS * 2)
    return int(pipe.execute()[0])


def _count_locally(slot: str) -> int:
    with _local_lock:
        if len(_local) >= LOCAL_KEYS_MAX:
            _local.clear()
        _local[slot] = _local.get(slot, 0) + 1
        return _local[slot]
