"""What arrives together is handed on together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from console.lib.notices import CROWD, CROWD_MAX, _arrived


class Listening:
    """A connection on which packets of so many notices lie, numbered throughout."""

    def __init__(self, *packets: int) -> None:
        numbers = iter(range(sum(packets)))
        self.packets = [[str(next(numbers)) for _ in range(size)] for size in packets]

    async def notifies(self, **_how_long: Any) -> AsyncIterator[psycopg.Notify]:
        for payload in self.packets.pop(0) if self.packets else ():
            yield psycopg.Notify("handrail", payload, 1)


@pytest.mark.parametrize(
    ("packets", "heard"),
    [
        ((), 0),
        ((1, 1), 1),
        ((CROWD - 1, CROWD), CROWD - 1),
        ((CROWD,), CROWD),
        ((CROWD, 2 * CROWD, 3, 5), 3 * CROWD + 3),
        ((CROWD,) * 1_000, CROWD_MAX),
    ],
)
async def test_a_crowd_is_heard_to_its_end_and_few_at_once(packets: tuple[int, ...], heard: int) -> None:
    listening: Any = Listening(*packets)
    assert await _arrived(listening, 5) == [str(number) for number in range(heard)]
