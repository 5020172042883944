"""What comes and goes is counted once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections, transaction

from agents.authentication import Caller
from agents.models import Project
from metrics.resolutions import OTHER
from reviews import states
from reviews.flow import DAY, EVER, HOUR
from reviews.models import Approval, FlowEntry, FlowRollup
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from reviews.services.expiry import expire_due
from reviews.services.requests import cancel_request
from tests.reviews.conftest import NOON, REFUND

MINUTE = timedelta(minutes=1)
Make = Callable[..., Approval]


def row(dimension: str = "all", value: str = "", *, seconds: int = HOUR, start: datetime = NOON) -> FlowRollup:
    return FlowRollup.objects.get(dimension=dimension, value=value, seconds=seconds, start=start)


def count_all() -> None:
    while flow.count():
        pass


def rule(approval: Approval, by: Caller, verdict: str, at: datetime) -> None:
    edited = {**REFUND, "amount": 1} if verdict == "edit" else None
    ruling = Ruling(verdict=states.Verdict(verdict), reason="no", message="so", arguments=edited)
    decide(approval=approval, by=by, ruling=ruling, now=at)


def test_each_end_of_a_request_is_counted_as_what_it_is(request_one: Make, ana: Caller, agent: Caller) -> None:
    for verdict in ("approve", "edit", "reject", "respond"):
        rule(request_one(), ana, verdict, NOON + MINUTE)
    cancel_request(approval=request_one(), by=agent, now=NOON + MINUTE)
    request_one(timeout=MINUTE)
    expire_due(now=NOON + 2 * MINUTE)
    request_one()
    count_all()
    found = row()
    assert (found.arrivals, found.closings, found.decisions) == (7, 6, 4)
    ends = (found.approved, found.edited, found.rejected, found.answered, found.cancelled, found.expired)
    assert ends == (1, 1, 1, 1, 1, 1)
    assert sum(found.waits[1::2]) == 4, "only what people decided has a wait"
    assert found.wait_sum == pytest.approx(4 * 60)
    assert found.stay_sum == pytest.approx(5 * 60 + 120)
    assert FlowEntry.objects.count() == 0


def test_every_dimension_every_length_of_time_has_its_row(request_one: Make, ana: Caller) -> None:
    rule(request_one(agent="billing", team="pay"), ana, "approve", NOON + MINUTE)
    count_all()
    assert ana.user is not None
    values = {"all": "", "action": "process_refund", "agent": "billing", "team": "pay"}
    for dimension, value in values.items():
        for seconds, start in ((HOUR, NOON), (DAY, NOON.replace(hour=0))):
            found = row(dimension, value, seconds=seconds, start=start)
            assert (found.arrivals, found.closings, found.approved) == (1, 1, 1)
    mine = row("reviewer", str(ana.user.pk))
    assert (mine.arrivals, mine.closings, mine.decisions, mine.approved) == (0, 0, 1, 1)
    ever = row(seconds=EVER, start=datetime(1970, 1, 1, tzinfo=UTC))
    assert (ever.arrivals, ever.closings) == (1, 1)


def test_what_a_transaction_takes_back_is_never_counted(request_one: Make) -> None:
    with transaction.atomic():
        request_one()
        transaction.set_rollback(True)
    request_one()
    count_all()
    assert row().arrivals == 1


def test_counting_in_parts_comes_to_the_same(request_one: Make, ana: Caller) -> None:
    for number in range(5):
        rule(request_one(), ana, "approve", NOON + number * MINUTE)
    while flow.count(limit=3):
        pass
    found = row()
    assert (found.arrivals, found.closings, found.approved) == (5, 5, 5)
    assert sum(found.waits[1::2]) == 5


@pytest.mark.django_db(transaction=True)
def test_of_two_who_count_at_once_one_does_it(request_one: Make) -> None:
    request_one()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [flow.LOCK])
            assert flow.count() == 0
            cursor.execute("ROLLBACK")
        assert flow.count() == 1
    finally:
        other.close()
    assert row().arrivals == 1


def test_the_time_of_a_decision_is_what_is_left_since_the_one_before(request_one: Make, ana: Caller) -> None:
    first, second = request_one(), request_one()
    rule(first, ana, "approve", NOON + MINUTE)
    rule(second, ana, "approve", NOON + timedelta(seconds=75))
    count_all()
    found = row()
    assert (found.timed, found.timed_sum) == (2, 60 + 15)


def test_decisions_given_together_and_those_after_a_pause_say_nothing_of_the_time(
    request_one: Make, ana: Caller
) -> None:
    long = timedelta(hours=2)
    for approval in (request_one(timeout=long), request_one(timeout=long)):
        rule(approval, ana, "approve", NOON + MINUTE)
    rule(request_one(timeout=long), ana, "approve", NOON + timedelta(minutes=45))
    count_all()
    assert (row().decisions, row().timed) == (3, 0)


def test_long_arguments_that_were_approved_in_no_time_are_hasty(request_one: Make, ana: Caller) -> None:
    letter = {"body": "x" * 2_000}
    rule(request_one(arguments=letter), ana, "approve", NOON + timedelta(seconds=2))
    rule(request_one(arguments=letter, now=NOON + MINUTE), ana, "approve", NOON + 2 * MINUTE)
    rule(request_one(arguments={"body": "x"}, now=NOON + 3 * MINUTE), ana, "approve", NOON + 3 * MINUTE)
    count_all()
    found = row()
    assert (found.hasty, sum(found.times_long[1::2]), sum(found.times_short[1::2])) == (1, 2, 1)


def test_an_override_is_a_verdict_other_than_the_one_suggested(request_one: Make, ana: Caller) -> None:
    rule(request_one(suggestion="approve"), ana, "approve", NOON + MINUTE)
    rule(request_one(suggestion="approve"), ana, "reject", NOON + MINUTE)
    rule(request_one(), ana, "reject", NOON + MINUTE)
    count_all()
    assert (row().suggested, row().overridden) == (2, 1)


def test_names_without_end_cannot_fill_the_table(
    request_one: Make, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    monkeypatch.setattr(flow, "MOST_VALUES", 2)
    for number in range(5):
        request_one(action=f"action {number}")
    count_all()
    request_one(action="action 0")
    request_one(action="one more")
    count_all()
    found = dict(FlowRollup.objects.filter(dimension="action", seconds=HOUR).values_list("value", "arrivals"))
    assert found == {"action 0": 2, "action 1": 1, OTHER: 4}
    assert row().arrivals == 7


def test_noting_what_came_is_one_statement(request_one: Make) -> None:
    approvals = [request_one() for _ in range(3)]
    with connection.execute_wrapper(seen := Statements()):
        flow.closed(approvals)
    assert len(seen.statements) == 1


class Statements:
    """Keeps what is sent to the database."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __call__(self, execute, sql, params, many, context):  # type: ignore[no-untyped-def]  # Django's own signature
        self.statements.append(sql)
        return execute(sql, params, many, context)
