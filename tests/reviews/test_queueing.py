"""Little's law, Erlang C against published examples, and the time to clear a queue."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from reviews.queueing import Flow, erlang_c, mean_length, people_needed, staffing, time_to_clear

HALF_HOUR = 1_800


def test_erlang_c_gives_what_mitans_worked_example_does() -> None:
    # mitan.co.uk/erlang/elgcmath.htm: 360 calls in half an hour of 4 minutes each, 55 agents, 15 seconds.
    found = staffing(people=55, rate=360 / HALF_HOUR, handling=240, target=15)
    assert found.waits == pytest.approx(0.239, abs=0.0005)
    assert found.wait == pytest.approx(8.2, abs=0.05)
    assert found.within == pytest.approx(0.846, abs=0.0005)
    assert found.busy == pytest.approx(0.873, abs=0.0005)


@pytest.mark.parametrize(("people", "within"), [(11, 0.388), (12, 0.640), (13, 0.796), (14, 0.888), (15, 0.941)])
def test_erlang_c_gives_what_call_centre_helpers_table_does(people: int, within: float) -> None:
    # callcentrehelper.com, "Erlang C Formula: Made Simple": 100 calls in half an hour of 3 minutes each, 20 seconds.
    assert staffing(people=people, rate=100 / HALF_HOUR, handling=180, target=20).within == pytest.approx(
        within, abs=0.002
    )


def test_as_many_people_are_asked_for_as_that_example_needs() -> None:
    found = people_needed(rate=100 / HALF_HOUR, handling=180, target=20, share=0.8)
    assert found is not None
    assert found.people == 14
    assert found.wait == pytest.approx(7.8, abs=0.05)
    assert found.busy == pytest.approx(0.714, abs=0.0005)


def test_one_person_waits_as_at_the_simplest_queue() -> None:
    # M/M/1: the probability to wait is the load itself.
    assert erlang_c(1, 0.6) == pytest.approx(0.6)


def test_whoever_has_more_work_than_people_makes_everybody_wait() -> None:
    assert erlang_c(3, 3.0) == 1.0
    assert people_needed(rate=1e6, handling=1e6, target=1, share=0.8) is None


def test_thousands_of_people_do_not_overflow() -> None:
    assert 0 < erlang_c(5_000, 4_950.0) < 1


def lengths(stays: list[tuple[float, float]], start: float, end: float) -> float:
    """The mean length of a queue by looking at it: what each stay has in common with the time."""
    return sum(max(min(left, end) - max(came, start), 0) for came, left in stays) / (end - start)


def test_the_measured_length_is_the_time_that_everybody_spent_in_the_queue() -> None:
    chance = random.Random(7)
    stays = [(came, came + chance.expovariate(1 / 900)) for came in (chance.uniform(0, 20_000) for _ in range(400))]
    start, end = 7_200.0, 17_000.0
    flows = []
    for left, right in pairwise([7_200, 10_800, 14_400, 18_000]):
        came = [at for at, _ in stays if left <= at < min(right, end)]
        went = [at for _, at in stays if left <= at < min(right, end)]
        flows.append(
            Flow(
                start=left,
                arrivals=len(came),
                arrivals_offset=sum(at - left for at in came),
                closings=len(went),
                closings_offset=sum(at - left for at in went),
            )
        )
    before = sum(came < start <= left for came, left in stays)
    assert mean_length(before, flows, start, end) == pytest.approx(lengths(stays, start, end))


def test_a_queue_that_does_not_shrink_is_never_cleared() -> None:
    assert time_to_clear(10, arrivals=0.1, closings=0.3) == pytest.approx(50)
    assert time_to_clear(10, arrivals=0.3, closings=0.3) is None
    assert time_to_clear(0, arrivals=0.3, closings=0.1) == 0
