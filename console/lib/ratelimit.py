"""Fixed-window request limits, counted in Valkey and, while Valkey is away, per process.

The window is ten seconds, so a limit of 300 requests per second lets a burst of 3,000 through
and then says how long to wait. Headers follow draft-ietf-httpapi-ratelimit-headers.

A process takes requests from Valkey's count in small lots and hands them out by itself, so that most requests ask
nobody. Never are more let through than the limit; up to one lot per further process may go unused, so that a caller
who spreads over processes meets the limit that much earlier. Limits of a few requests are counted one by one.
"""

import threading
from dataclasses import dataclass

import redis

from console.lib import valkey

WINDOW_SECONDS = 10
LOCAL_KEYS_MAX = 10_000
# A lot is half a per cent of what a window allows.
LOTS_PER_WINDOW = 200


@dataclass(frozen=True, slots=True)
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


@dataclass(slots=True)
class _Lots:
    """What this process has of one caller's window: requests to hand out, and how many everybody has taken."""

    window: int
    left: int = 0
    taken: int = 0


_lots: dict[str, _Lots] = {}
_local: dict[str, int] = {}
_lock = threading.Lock()


def check(key: str, *, limit: int, now: float) -> Verdict:
    """Counts one request of `key` against `limit` requests per second at `now` (seconds since the epoch)."""
    verdict = check_at_once(key, limit=limit, now=now)
    if verdict is not None:
        return verdict
    window, allowance = int(now) // WINDOW_SECONDS, limit * WINDOW_SECONDS
    lot = max(1, allowance // LOTS_PER_WINDOW)
    slot = f"handrail:rate:{key}:{window}"
    taken = valkey.attempt(lambda client: _take(client, slot, lot))
    with _lock:
        if taken is None:
            taken = _take_locally(slot, lot)
        lots = _lots_of(key, window)
        lots.taken = max(lots.taken, taken)
        lots.left += max(0, min(lot, allowance - (taken - lot)))
        return _spend(lots, allowance, now)


def check_at_once(key: str, *, limit: int, now: float) -> Verdict | None:
    """As `check`, without asking Valkey. None when that is needed, and then nothing was counted."""
    window, allowance = int(now) // WINDOW_SECONDS, limit * WINDOW_SECONDS
    with _lock:
        lots = _lots.get(key)
        if lots is None or lots.window != window or (not lots.left and lots.taken < allowance):
            return None
        return _spend(lots, allowance, now)


def _spend(lots: _Lots, allowance: int, now: float) -> Verdict:
    allowed = lots.left > 0
    lots.left -= allowed
    reset = max(1, (lots.window + 1) * WINDOW_SECONDS - int(now))
    return Verdict(allowed, allowance, max(0, allowance - lots.taken) + lots.left, reset)


def _lots_of(key: str, window: int) -> _Lots:
    lots = _lots.get(key)
    if lots is None or lots.window != window:
        if len(_lots) >= LOCAL_KEYS_MAX:
            _lots.clear()
        lots = _lots[key] = _Lots(window)
    return lots


def _take(client: "redis.Redis", slot: str, count: int) -> int:
    pipe = client.pipeline(transaction=False)
    pipe.incrby(slot, count)
    pipe.expire(slot, WINDOW_SECONDS * 2)
    return int(pipe.execute()[0])


def _take_locally(slot: str, count: int) -> int:
    if len(_local) >= LOCAL_KEYS_MAX:
        _local.clear()
    _local[slot] = _local.get(slot, 0) + count
    return _local[slot]
