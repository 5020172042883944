"""Time as the agents live it: now, or some hours ago."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Protocol

NANOS = 1_000_000_000


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""


class LiveClock:
    """Real time; pauses are `speed` times shorter than asked for."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class PastClock:
    """Time that was: begins where it is told to, and passes only when somebody sleeps."""

    def __init__(self, start_ns: int) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    async def sleep(self, seconds: float) -> None:
        self._now_ns += int(seconds * NANOS)


def trouble(now_ns: int) -> float:
    """How badly the model providers do at that moment: 0 mostly, near 1 in the middle of a bad ten minutes.

    A function of the time alone, so that all agents suffer together, as they do in life.
    """
    minutes = now_ns / NANOS / 60
    within = minutes % 100 / 10
    return math.sin(within * math.pi) if within < 1 else 0.0


def traffic(now_ns: int) -> float:
    """How busy the hour is, 0.3 to 1: a wave over the day, highest at 14:00 UTC."""
    hour = now_ns / NANOS / 3600 % 24
    return 0.65 + 0.35 * math.cos((hour - 14) / 24 * 2 * math.pi)
