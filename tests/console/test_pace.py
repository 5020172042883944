"""Work that repeats itself leaves time for others."""

from typing import NamedTuple

import pytest

from console.lib.pace import Pace, Spare


class Work:
    """Takes as long as it is told, on a clock of its own."""

    def __init__(self) -> None:
        self.now, self.takes, self.done = 0.0, 1.0, 0

    def __call__(self) -> None:
        self.now += self.takes
        self.done += 1


def test_work_takes_no_more_than_its_share_of_the_time() -> None:
    work = Work()
    pace = Pace(share=0.1, longest=60, clock=lambda: work.now)
    while work.now < 1_000:
        pace.run(work)
        work.now += 0.25
    assert work.done == pytest.approx(100, abs=3)


def test_short_work_is_done_whenever_it_is_asked_for() -> None:
    work = Work()
    work.takes = 0.01
    pace = Pace(share=0.1, longest=60, clock=lambda: work.now)
    for _ in range(20):
        assert pace.run(work)
        work.now += 1


def test_long_work_comes_again_after_the_longest_rest_also_where_it_failed() -> None:
    work = Work()
    work.takes = 500
    pace = Pace(share=0.1, longest=60, clock=lambda: work.now)

    def fail() -> None:
        work()
        raise ValueError

    with pytest.raises(ValueError):
        pace.run(fail)
    work.now += 59
    assert not pace.run(work)
    work.now += 2
    assert pace.run(work)


class Spent(NamedTuple):
    """Seconds of processors."""

    user: float
    idle: float


class Shared:
    """A machine of two processors, of which others keep some busy, and work in pieces of 0.1 s that needs one."""

    def __init__(self, others: float) -> None:
        self.now, self.others, self.pieces = 0.0, others, 0
        self.spent = Spent(0.0, 0.0)

    def processors(self) -> Spent:
        return self.spent

    def goes_on(self, seconds: float, *, working: bool) -> None:
        self.now += seconds
        busy = min(self.others + working, 2.0) * seconds
        self.spent = Spent(self.spent.user + busy, self.spent.idle + 2 * seconds - busy)

    def work_for(self, pace: Spare, seconds: float) -> float:
        """Its pieces a second, and so ten times the processors it took."""
        until, before, began = self.now + seconds, self.pieces, self.now
        while self.now < until:
            if not pace.is_over():
                self.goes_on(0.5, working=False)
                continue
            pace.begin()
            self.goes_on(0.1, working=True)
            self.pieces += 1
            if (rest := pace.end()) < 1:
                self.goes_on(rest, working=False)
        return (self.pieces - before) / (self.now - began)


@pytest.mark.parametrize(
    ("others", "least", "most"),
    [(0.5, 9.9, 10.0), (1.2, 6.0, 10.0), (1.7, 1.0, 5.0), (2.0, 0.0, 0.6)],
    ids=["room for all", "room for most", "little room", "none"],
)
def test_work_in_pieces_takes_what_others_leave(others: float, least: float, most: float) -> None:
    machine = Shared(others)
    pace = Spare(idle=0.1, most_times=30, longest=20, clock=lambda: machine.now, processors=machine.processors)
    machine.work_for(pace, 30)
    assert least <= machine.work_for(pace, 300) <= most


def test_work_in_pieces_goes_on_as_soon_as_there_is_room() -> None:
    machine = Shared(2.0)
    pace = Spare(idle=0.1, most_times=1_000, longest=20, clock=lambda: machine.now, processors=machine.processors)
    machine.work_for(pace, 60)
    machine.others = 0.0
    assert machine.work_for(pace, 30) > 9


def test_a_rest_that_ended_early_does_not_come_back() -> None:
    machine = Shared(2.0)
    pace = Spare(idle=0.1, most_times=1_000, longest=20, clock=lambda: machine.now, processors=machine.processors)
    machine.work_for(pace, 60)
    machine.others = 0.0
    machine.goes_on(0.5, working=False)
    assert pace.is_over()
    pace.begin()
    machine.others = 2.0
    machine.goes_on(0.1, working=True)  # nothing was left behind this piece: no rest is asked for
    assert pace.is_over()
