"""Identifiers of approval requests: UUID version 7 (RFC 9562), so that new rows land at the end of the index."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def new_id() -> UUID:
    """A UUIDv7 of the present millisecond. Its last 74 bits are random: knowing one id does not give the next."""
    milliseconds = time.time_ns() // 1_000_000 & (1 << 48) - 1
    high = secrets.randbits(12)
    low = secrets.randbits(62)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
