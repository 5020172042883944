"""Deltas and totals of one measurement give the same answers, whatever was counted, whenever it was sent."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from agents.models import Project
from metrics.ingest.rows import RawPoint
from tests.metrics.read.test_points import COUNTER, DELTA, RANGE, at, histogram, lines, point, send
from tests.metrics.sending import NOW

Ask = Callable[..., Any]
BOUNDS = [1.0, 2.0, 4.0]
LIVES = 12


def test_a_minute_on_the_clock_is_the_bin_of_that_minute_either_way(project: Project, ask: Ask) -> None:
    send(project, point("delta", 60, 60.0, start_ns=at(120), **DELTA))
    send(project, *(point("total", ago, value, start_ns=at(990), **COUNTER) for ago, value in ((120, 5.0), (60, 65.0))))
    # The time from 11:58 to 11:59.
    assert at(60) % (60 * 10**9) == 0
    for name in ("delta", "total"):
        assert lines(ask("points", name=name, agg="sum", **RANGE))[""][8:] == [60.0, None], name


def test_a_point_behind_the_range_still_says_what_its_end_holds(project: Project, ask: Ask) -> None:
    send(project, point("delta", -60, 120.0, start_ns=at(60), **DELTA))
    send(
        project, *(point("total", ago, value, start_ns=at(990), **COUNTER) for ago, value in ((60, 5.0), (-60, 125.0)))
    )
    for name in ("delta", "total"):
        assert lines(ask("points", name=name, agg="sum", **RANGE))[""][8:][-1] == 60.0, name


def test_a_delta_without_a_start_lies_in_the_minute_that_it_ends(project: Project, ask: Ask) -> None:
    send(project, point("delta", 60, 7.0, **DELTA), point("other", 60, 7.0, start_ns=at(60), **DELTA))
    for name in ("delta", "other"):
        assert lines(ask("points", name=name, agg="sum", **RANGE))[""][8:] == [7.0, None]


def test_senders_of_one_metric_may_differ_in_what_they_send(project: Project, ask: Ask) -> None:
    send(project, point("mixed", 60, 60.0, start_ns=at(120), service="a", **DELTA))
    totals = ((120, 5.0), (60, 65.0))
    send(project, *(point("mixed", ago, value, start_ns=at(120), service="b", **COUNTER) for ago, value in totals))
    assert lines(ask("points", name="mixed", agg="sum", **RANGE))[""][8] == 120.0
    assert lines(ask("points", name="mixed", agg="sum", group_by="service", **RANGE))["a"][8] == 60.0


def life(chance: random.Random) -> Iterator[tuple[float, float, float, list[int], bool]]:
    """Where each interval of a sender begins and ends (in seconds ago), what it counted, and whether it began again."""
    ago = chance.uniform(700, 1_500)
    while ago > -200:
        length = chance.choice([5.0, 10.0, 60.0, chance.uniform(1, 400)])
        counts = [chance.randrange(50) for _ in range(len(BOUNDS) + 1)]
        yield ago, ago - length, float(sum(counts)), counts, chance.random() < 0.15
        ago -= length


def sent(number: int, chance: random.Random) -> Iterator[RawPoint]:
    """A life as deltas and as totals, as sums and as histograms."""
    said: dict[str, Any] = {"attributes": {"life": number}}
    born, value, counts = 0, 0.0, [0] * (len(BOUNDS) + 1)
    for since, until, added, more, restarts in life(chance):
        if restarts or not born:
            born, value, counts = at(since), 0.0, [0] * len(counts)
        value, counts = value + added, [one + other for one, other in zip(counts, more, strict=True)]
        start = at(since)
        yield point("sum.delta", until, added, start_ns=start, **DELTA, **said)
        yield point("sum.total", until, value, start_ns=born, **COUNTER, **said)
        yield histogram(until, more, BOUNDS, name="histogram.delta", start_ns=start, **said)
        told = said | {"start_ns": born, "temporality": "cumulative"}
        yield histogram(until, counts, BOUNDS, name="histogram.total", **told)


def known(values: list[float | None]) -> list[float]:
    """What can be compared: nothing known is less than everything."""
    return [-1.0 if value is None else value for value in values]


@pytest.mark.parametrize("seed", range(3))
def test_deltas_and_totals_agree_in_every_bin_of_every_range(project: Project, ask: Ask, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(LIVES):
        send(project, *sent(number, chance))
    for kind, aggregations in (("sum", ("sum", "rate")), ("histogram", ("count", "sum", "rate", "avg", "p50", "p99"))):
        for aggregation in aggregations:
            begin = NOW - timedelta(minutes=chance.randrange(3, 25))
            asked = {"from": begin.isoformat(), "to": NOW.isoformat(), "step": chance.choice(["60", "120", "5m"])}
            deltas, totals = (
                lines(ask("points", name=f"{kind}.{how}", agg=aggregation, group_by="life", **asked))
                for how in ("delta", "total")
            )
            assert len(deltas) == LIVES
            assert deltas.keys() == totals.keys()
            for name, values in deltas.items():
                assert known(values) == pytest.approx(known(totals[name]), abs=1e-6), (kind, aggregation, name)


def test_numbers_at_the_ends_of_what_a_float_holds_break_no_question(project: Project, ask: Ask) -> None:
    ends = [1e308, 1e308, -1e308, 5e-324, float("nan"), float("inf"), 2.0]
    for name, rest in (("g", {}), ("d", DELTA | {"start_ns": at(1_000)}), ("c", COUNTER | {"start_ns": at(1_000)})):
        send(project, *(point(name, 40 - n, value, attributes={"n": n}, **rest) for n, value in enumerate(ends)))
        for aggregation in ask("metrics", q=name).json()["results"][0]["aggregations"]:
            answer = ask("points", name=name, agg=aggregation, **RANGE)
            assert answer.status_code == 200, (name, aggregation)
    assert lines(ask("points", name="g", agg="max", **RANGE))[""][8:] == [None, 2.0]
