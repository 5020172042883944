"""Work that repeats itself leaves time for others."""

import pytest

from console.lib.pace import Pace


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
