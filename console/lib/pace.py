"""Work that repeats itself and may take long: at most a share of the time goes into it."""

import time
from collections.abc import Callable


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
