"""Marking what must be computed anew: nothing that changed is ever taken for done."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from metrics.services import compaction

DAY = 1_772_409_600  # 2026-03-02T00:00:00Z
PROJECT = 7


def compacted(**until: int) -> None:
    """Says until when the resolutions of PROJECT are compacted."""
    with connection.cursor() as cursor:
        for name, moment in until.items():
            cursor.execute(
                "INSERT INTO metrics_rollup_state VALUES (%s, %s, to_timestamp(%s))", [PROJECT, int(name[1:]), moment]
            )


def marks() -> list[tuple[int, int, bool]]:
    """All marks of PROJECT: resolution, start, taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seconds, extract(epoch FROM start)::bigint, taken FROM metrics_rollup_stale "
            "WHERE project_id = %s ORDER BY 1, 2, 3",
            [PROJECT],
        )
        return [(int(seconds), int(start), bool(taken)) for seconds, start, taken in cursor.fetchall()]


def mark(*minutes: int, trace_starts: tuple[int, ...] = ()) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        compaction.mark(cursor, compaction.marks(PROJECT, minutes, trace_starts=trace_starts))


def test_only_periods_that_are_compacted_already_are_marked(db: None) -> None:
    compacted(t900=DAY + 7_200, t3600=DAY + 3_600)
    mark(DAY + 3_540, DAY + 3_600, DAY + 7_200)
    assert [one for one in marks() if one[0]] == [
        (900, DAY + 2_700, False),
        (900, DAY + 3_600, False),
        (3_600, DAY, False),
    ]


def test_the_spend_of_the_days_of_spans_and_of_their_traces_is_marked(db: None) -> None:
    mark(DAY + 60, trace_starts=(DAY - 5,))
    assert marks() == [(0, DAY - 86_400, False), (0, DAY, False)]


def test_marking_again_adds_nothing_and_nothing_to_mark_is_no_error(db: None) -> None:
    compacted(t900=DAY + 7_200)
    mark(DAY, DAY + 60)
    mark(DAY + 120)
    mark()
    assert marks() == [(0, DAY, False), (900, DAY, False)]


def test_a_period_that_is_being_computed_is_marked_anew(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO metrics_rollup_stale VALUES (%s, 0, to_timestamp(%s), true)", [PROJECT, DAY])
    mark(DAY)
    assert marks() == [(0, DAY, False), (0, DAY, True)]


@pytest.mark.django_db(transaction=True)
def test_two_who_mark_the_same_do_not_wait_for_each_other_once_the_mark_is_there() -> None:
    mark(DAY)
    inside, leave = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            compaction.mark(cursor, compaction.marks(PROJECT, [DAY]))
            inside.set()
            assert leave.wait(20)
        connection.close()

    other = threading.Thread(target=slow)
    other.start()
    assert inside.wait(20)
    mark(DAY)
    with connection.cursor() as cursor:
        assert taken_away(cursor) == 0, "a mark went away while somebody still relied on it"
    leave.set()
    other.join()
    with connection.cursor() as cursor:
        assert taken_away(cursor) == 1


def taken_away(cursor: Any) -> int:
    """How many marks can be deleted at once, without waiting for anybody."""
    cursor.execute(
        "DELETE FROM metrics_rollup_stale WHERE ctid IN (SELECT ctid FROM metrics_rollup_stale "
        "WHERE project_id = %s FOR UPDATE SKIP LOCKED)",
        [PROJECT],
    )
    return int(cursor.rowcount)


@pytest.mark.django_db(transaction=True)
def test_whoever_waited_for_a_mark_that_was_rolled_back_or_taken_marks_again() -> None:
    inside, leave = threading.Event(), threading.Event()

    def gives_up() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            compaction.mark(cursor, compaction.marks(PROJECT, [DAY]))
            inside.set()
            assert leave.wait(20)
            transaction.set_rollback(True)
        connection.close()

    other = threading.Thread(target=gives_up)
    other.start()
    assert inside.wait(20)
    threading.Timer(0.2, leave.set).start()
    mark(DAY)
    other.join()
    assert marks() == [(0, DAY, False)]
