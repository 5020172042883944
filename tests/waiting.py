"""Waiting for something that another process does, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

STEP_SECONDS = 0.02


def eventually(probe: Callable[[], T], *, timeout: float = 10.0) -> T:
    """Calls `probe` until it returns something true, and returns that; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{getattr(probe, '__name__', 'the probe')} stayed {result!r} for {timeout} s")
        time.sleep(STEP_SECONDS)
