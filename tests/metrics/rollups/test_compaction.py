"""Longer periods out of minutes: at every moment readers find exactly what the spans say."""

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics import histogram
from metrics.ingest.rows import RawSpan
from metrics.models import Rollup, Span, Trace
from metrics.resolutions import OTHER
from metrics.selectors import rollups as reading
from metrics.services import compaction, dimensions, rollups
from tests.metrics.rollups import truth
from tests.metrics.sending import NOW, Sending

STEPS = (60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400)


def random_spans(sending: Sending, chance: random.Random) -> list[RawSpan]:
    """Requests of the last three days with calls below them, whose usage the agent sometimes repeats."""
    spans: list[RawSpan] = []
    for _ in range(chance.randrange(1, 6)):
        ago = chance.choice((chance.uniform(1, 300), chance.uniform(300, 90_000), chance.uniform(90_000, 250_000)))
        repeated = {"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 100}
        root = sending.agent(
            chance.choice("abc"),
            ago=ago,
            seconds=chance.lognormvariate(0, 2),
            error=chance.choice(("", "", "GaveUp")),
            attributes=repeated if chance.random() < 0.5 else {},
        )
        calls = [
            sending.call(root, model=chance.choice(("gpt-4o", "gpt-4o-mini")), ago=max(ago - index, 0.5))
            for index in range(chance.randrange(3))
        ]
        spans += [root, *calls]
    chance.shuffle(spans)
    return spans


def random_edges(chance: random.Random, now: datetime) -> list[datetime]:
    step = timedelta(seconds=chance.choice(STEPS))
    start = (now - chance.random() * timedelta(days=3)).replace(second=0, microsecond=0)
    if chance.random() < 0.7:
        start -= (start - datetime(1970, 1, 1, tzinfo=UTC)) % step
    return [start + index * step for index in range(chance.randrange(2, 60))]


@pytest.mark.parametrize("seed", range(8))
def test_readers_find_what_spans_say_whatever_is_compacted_late_or_corrected(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    sending = Sending(project)
    held_back: list[RawSpan] = []
    for _ in range(12):
        sending.now += timedelta(seconds=chance.uniform(0, 3_000))
        spans = random_spans(sending, chance) + held_back
        cut = chance.randrange(len(spans) + 1)
        held_back = spans[cut:]
        sending.send(spans[:cut])
        if chance.random() < 0.6:
            compaction.run(now=sending.now, projects=[project.pk], seconds=chance.choice((0.01, 0.05, 10)))
        edges = random_edges(chance, sending.now)
        assert truth.of_rollups(project.pk, edges) == truth.of_spans(project.pk, edges)


def test_quantiles_are_within_two_percent_through_all_resolutions(project: Project) -> None:
    sending, chance = Sending(project), random.Random(3)
    sending.send(sending.agent(ago=chance.uniform(0, 250_000), seconds=chance.lognormvariate(0, 2)) for _ in range(900))
    compaction.run(now=NOW, projects=[project.pk])
    now = NOW.replace(second=0)
    for start, end in (
        (now - timedelta(days=4), now),
        (now - timedelta(hours=30, minutes=7), now - timedelta(hours=3)),
    ):
        durations = sorted(truth.durations(project.pk, start, end))
        found = truth.merged(project.pk, start, end)
        assert found == truth.exact_histogram(durations)
        for share in (0.5, 0.95, 0.99):
            exact = durations[int(len(durations) * share + 0.999999) - 1]
            assert histogram.quantiles(found, [share])[0] == pytest.approx(exact, rel=0.02)


def test_compaction_that_was_interrupted_anywhere_goes_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    sending = Sending(project)
    sending.send(sending.agent(ago=ago) for ago in range(60, 200_000, 4_000))
    compute = compaction._compact
    calls = iter(range(10_000))

    def dies(*arguments: object) -> None:
        if next(calls) % 3 == 2:
            raise InterruptedError
        compute(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(compaction, "_compact", dies)
    edges = [NOW.replace(minute=0, second=0) + timedelta(hours=hour) for hour in range(-72, 2)]
    runs = 0
    finished = False
    while not finished:
        try:
            finished = compaction.run(now=NOW, projects=[project.pk]).finished
        except InterruptedError:
            runs += 1
        assert truth.of_rollups(project.pk, edges) == truth.of_spans(project.pk, edges)
    assert runs > 10
    assert not left(project)


def left(project: Project) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seconds, start FROM metrics_rollup_stale WHERE project_id = %s", [project.pk])
        return list(cursor.fetchall())


def test_a_compacted_range_is_read_from_few_rows(project: Project) -> None:
    sending = Sending(project)
    sending.send(sending.agent(ago=ago) for ago in range(60, 250_000, 500))
    start, end = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=2), NOW.replace(minute=0, second=0)
    assert reading.between(project.pk, start, end).count() > 400
    compaction.run(now=NOW, projects=[project.pk])
    # Two days, the hours of today, quarters of the last hour and minutes of what is not compacted yet.
    assert reading.between(project.pk, start, end).count() == 2 + 11 + 3 + 2


def test_a_rebuild_gives_the_same_rows_in_all_resolutions(project: Project) -> None:
    sending, chance = Sending(project), random.Random(5)
    for _ in range(15):
        sending.send(random_spans(sending, chance))
        compaction.run(now=NOW, projects=[project.pk], pause=False)
    rows, spent = truth.stored(project.pk), truth.spend(project.pk)
    assert len(rows) > 100
    assert spent
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_rollup SET span_count = span_count + 7, histogram = '{1,1}'")
        cursor.execute("UPDATE metrics_spend SET cost_nanos = 1")
    rollups.rebuild(project_id=project.pk, start=NOW - timedelta(days=4), end=NOW + timedelta(minutes=1))
    compaction.run(now=NOW, projects=[project.pk], pause=False)
    assert truth.stored(project.pk) == rows
    assert truth.spend(project.pk) == spent


@pytest.mark.django_db(transaction=True)
def test_ingest_and_compaction_at_the_same_time_stay_exact(project: Project) -> None:
    writers = 3
    working = threading.Semaphore(0)
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            sending, chance = Sending(project), random.Random(number)
            sending._count = number * 1_000_000
            for _ in range(25):
                sending.send(random_spans(sending, chance))
        except BaseException as error:  # reported by the test itself
            failed.append(error)
        finally:
            working.release()
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    for thread in threads:
        thread.start()
    done, chance, now = 0, random.Random(9), NOW - timedelta(days=2)
    while done < writers:
        done += working.acquire(timeout=0.001)
        now = min(now + timedelta(minutes=20), NOW)
        compaction.run(now=now, projects=[project.pk], seconds=0.05)
    for thread in threads:
        thread.join()
    assert not failed
    for _ in range(2):
        for _ in range(20):
            edges = random_edges(chance, NOW)
            assert truth.of_rollups(project.pk, edges) == truth.of_spans(project.pk, edges)
        compaction.run(now=NOW, projects=[project.pk], seconds=60)


def test_where_something_arrives_without_end_a_run_computes_each_period_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(project)
    two_days = (100_000, 200_000)
    sending.send([sending.agent(ago=ago) for ago in two_days])
    compute = compaction._compute

    def more_arrives(*period: Any) -> bool:
        computed = compute(*period)
        sending.send([sending.agent(ago=ago) for ago in two_days])
        return computed

    monkeypatch.setattr(compaction, "_compute", more_arrives)
    monkeypatch.setattr(compaction, "SLICE", 2)
    done = compaction.run(now=NOW, projects=[project.pk], pause=False)
    assert (done.periods, done.days, done.finished) == (6, 2, True)
    monkeypatch.undo()
    assert compaction.run(now=NOW, projects=[project.pk], pause=False).periods == 6
    edges = [NOW - timedelta(days=3), NOW]
    assert truth.of_rollups(project.pk, edges) == truth.of_spans(project.pk, edges)


def test_a_rebuild_of_years_goes_through_the_hours_that_hold_something(project: Project) -> None:
    sending = Sending(project)
    sending.send([sending.agent(ago=ago) for ago in (60, 100_000, 100_500)])
    compaction.run(now=NOW, projects=[project.pk])
    rows = truth.stored(project.pk)
    with CaptureQueriesContext(connection) as queries:
        done = rollups.rebuild(project_id=project.pk, start=NOW - timedelta(days=700), end=NOW + timedelta(days=30))
    assert done.spans == 3
    # Two hours with spans, and midnight of their days, whose figures have to be looked at.
    assert sum("pg_advisory_xact_lock" in one["sql"] for one in queries.captured_queries) == 4
    compaction.run(now=NOW, projects=[project.pk], pause=False)
    assert truth.stored(project.pk) == rows


@pytest.mark.parametrize("kept", [(), (60,), (900,), (3_600,), (86_400,)])
def test_a_rebuild_clears_figures_whose_spans_are_gone(project: Project, kept: tuple[int, ...]) -> None:
    sending = Sending(project)
    sending.send([sending.agent(ago=300_000, attributes={"user.id": "u"})])
    compaction.run(now=NOW, projects=[project.pk])
    resolutions = Rollup.objects.filter(project_id=project.pk).values_list("seconds", flat=True)
    assert set(resolutions) == {60, 900, 3_600, 86_400}
    assert truth.spend(project.pk)
    Span.objects.filter(project_id=project.pk).delete()
    Trace.objects.filter(project_id=project.pk).delete()
    Rollup.objects.filter(project_id=project.pk).exclude(seconds__in=kept).delete()
    # From the middle of the day on: a day's figures begin before that.
    start = NOW - timedelta(seconds=300_000, minutes=5)
    rollups.rebuild(project_id=project.pk, start=start, end=NOW)
    compaction.run(now=NOW, projects=[project.pk], pause=False)
    assert truth.stored(project.pk) == []
    assert not truth.spend(project.pk)


def test_a_rebuild_tells_the_same_values_apart_that_ingest_did(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dimensions, "CAP", 5)
    dimensions.forget()
    sending, chance = Sending(project), random.Random(11)
    names = [f"agent {number:02}" for number in range(12)]
    for _ in range(30):
        sending.send([sending.agent(chance.choice(names), ago=chance.uniform(0, 100_000)) for _ in range(3)])
        compaction.run(now=NOW, projects=[project.pk])
    rows = truth.stored(project.pk)
    by_day = {(row[1].date(), row[5]) for row in rows}
    agents = {day: {agent for one, agent in by_day if one == day} for day, _ in by_day}
    assert {len(found) for found in agents.values()} == {6}
    assert all(OTHER in found for found in agents.values())
    dimensions.forget()
    rollups.rebuild(project_id=project.pk, start=NOW - timedelta(days=3), end=NOW + timedelta(minutes=1))
    compaction.run(now=NOW, projects=[project.pk])
    assert truth.stored(project.pk) == rows
