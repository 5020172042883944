"""When to try a call again, and how long to wait first: pure functions over plain numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from handrail.wire import Response, TransportFailure

RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


def is_transient(result: Response | TransportFailure) -> bool:
    """Whether trying again may help."""
    return isinstance(result, TransportFailure) or result.status in RETRYABLE_STATUSES


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is with a server that is away, overloaded or restarting.

    base_seconds, cap_seconds: the pause before the n-th retry is drawn from the upper half of
        `min(cap_seconds, base_seconds * 2**n)`, so that clients which failed together do not return together.
    patience_seconds: how long an ordinary call bears an unbroken outage before it raises.
    wait_patience_seconds: the same for `wait`, where giving up means losing a person's decision.
    """

    base_seconds: float = 0.25
    cap_seconds: float = 5.0
    patience_seconds: float = 30.0
    wait_patience_seconds: float = 300.0

    def pause(self, failures: int, retry_after: float | None, rng: random.Random) -> float:
        """Seconds to pause after `failures` (>= 1) failures in a row, never less than the server asked for."""
        # The exponent is bounded, because a float overflows after a thousand failures.
        ceiling = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 32))
        drawn = ceiling * rng.uniform(0.5, 1.0)
        return drawn if retry_after is None else retry_after + drawn * 0.5


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the server asked to wait (header `Retry-After`, a number or a date), None when it asked nothing.

    headers: names in lower case. now: an aware time.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - now).total_seconds())
