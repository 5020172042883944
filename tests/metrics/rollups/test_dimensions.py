"""The cap on values that rollups tell apart."""

import threading
from collections.abc import Iterable

import pytest
from django.db import connection, transaction

from metrics.ingest.tally import Dimensions
from metrics.resolutions import OTHER
from metrics.services import dimensions
from metrics.services.dimensions import CAP, capped

DAY = 1_772_409_600  # 2026-03-02T00:00:00Z
PROJECT = 7


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    dimensions.forget()


def step(name: str, *, agent: str = "", minute: int = DAY) -> Dimensions:
    return Dimensions(minute, False, "tool", name, agent, "", "", "", "", "ok")


def limit(used: Iterable[Dimensions]) -> dict[Dimensions, Dimensions]:
    with transaction.atomic(), connection.cursor() as cursor:
        return capped(cursor, PROJECT, used)


def stored() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT dimension, count(*) FROM metrics_dimension WHERE project_id = %s GROUP BY 1", [PROJECT])
        return dict(cursor.fetchall())


def test_values_beyond_the_cap_are_other_and_stay_so(db: None) -> None:
    assert limit(step(f"step {number:05}", agent="a") for number in range(CAP - 1)) == {}
    late = limit([step("one more"), step("too late"), step("step 00003")])
    assert late == {step("too late"): step(OTHER)}
    assert limit([step("too late", agent="b"), step("one more")]) == {
        step("too late", agent="b"): step(OTHER, agent="b")
    }
    dimensions.forget()
    assert limit([step("too late"), step("one more")]) == {step("too late"): step(OTHER)}
    assert stored() == {"kind": 1, "name": CAP, "agent": 2}


def test_every_day_has_its_own_cap(db: None) -> None:
    limit(step(f"step {number:05}") for number in range(CAP + 10))
    assert limit([step("tomorrow", minute=DAY + 86_400)]) == {}
    assert limit([step("today")]) == {step("today"): step(OTHER)}


def test_known_values_cost_no_query(db: None, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    limit([step("a"), step("b")])
    limit([step("a"), step("b")])
    with connection.cursor() as cursor, django_assert_num_queries(0):
        assert capped(cursor, PROJECT, [step("a"), step("b"), step("")]) == {}


def test_a_full_day_costs_no_query(db: None, django_assert_num_queries) -> None:  # type: ignore[no-untyped-def]
    limit(step(f"step {number:05}") for number in range(CAP))
    limit([step("late")])
    with connection.cursor() as cursor, django_assert_num_queries(0):
        assert capped(cursor, PROJECT, [step("later")]) == {step("later"): step(OTHER)}


@pytest.mark.django_db(transaction=True)
def test_values_that_were_rolled_back_leave_room() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        capped(cursor, PROJECT, [step(f"step {number:05}") for number in range(CAP)])
        transaction.set_rollback(True)
    assert limit([step("first")]) == {}
    assert stored()["name"] == 1


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_never_exceed_the_cap() -> None:
    start = threading.Barrier(4)

    def write(writer: int) -> None:
        start.wait()
        for number in range(20):
            limit(step(f"writer {writer} step {number} {one}") for one in range(30))
        connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored()["name"] == CAP
