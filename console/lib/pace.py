"""Work that repeats itself and may take long: at most a share of the time goes into it, or what others leave."""

import time
from collections.abc import Callable
from typing import Any

import psutil


class Pace:
    """The pace of one kind of work in this process: how long it took says when it may begin again."""

    def __init__(self, *, share: float, longest: float, clock: Callable[[], float] = time.monotonic) -> None:
        """At most this `share` of the time, but after `longest` seconds again in any case."""
        self._rest, self._longest, self._clock = 1 / share - 1, longest, clock
        self._again_at = 0.0

    def run(self, work: Callable[[], object]) -> bool:
        """Does the work, unless it is too soon; whether it was done."""
        began = self._clock()
        if began < self._again_at:
            return False
        try:
            work()
        finally:
            ended = self._clock()
            self._again_at = ended + min((ended - began) * self._rest, self._longest)
        return True


class Spare:
    """The pace of work in pieces that leaves others their time, whoever they are, on this machine.

    After a piece it rests for a multiple of the time that the piece took: twice as many times when no processor had
    time to spare since the piece began, half as many when one had. So it takes what is left, a little less.
    """

    def __init__(
        self,
        *,
        idle: float,
        most_times: float,
        longest: float,
        clock: Callable[[], float] = time.monotonic,
        processors: Callable[[], Any] = psutil.cpu_times,
    ) -> None:
        """Processors have time to spare when this share of theirs was `idle`; no rest is longer than `longest`."""
        self._idle, self._most_times, self._longest = idle, most_times, longest
        self._clock, self._processors = clock, processors
        self._times = self._began = self._until = 0.0
        self._before: Any = None

    def begin(self) -> None:
        """A piece begins."""
        self._began, self._before = self._clock(), self._processors()
        self._until = self._began

    def end(self) -> float:
        """A piece has ended, after which there is more: how many seconds to rest before the next one."""
        now = self._clock()
        rest = min(self._times * (now - self._began), self._longest)
        self._until = now + rest
        return rest

    def is_over(self) -> bool:
        """Whether the rest is: its time, or what kept processors busy when this was last asked."""
        if self._before is None:
            return True
        before, self._before = self._before, self._processors()
        spent = sum(self._before) - sum(before)
        busy = self._before.idle - before.idle < self._idle * spent
        if busy and self._clock() < self._until:
            return False
        self._times = min(max(2 * self._times, 1.0), self._most_times) if busy else self._times / 2
        self._before = None
        return True
