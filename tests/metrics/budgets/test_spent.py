"""What is spent of budgets: exact, out of the rollups, whatever comes late."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.models import Budget
from metrics.resolutions import OTHER
from metrics.selectors import budgets as selector
from metrics.services import compaction, dimensions, rollups
from tests.metrics.budgets.conftest import DOLLAR, Make
from tests.metrics.sending import NOW, Sending

HOUR, DAY = 3_600, 86_400
MILLION = 150_000_000


def spent(sending: Sending, agent: str = "a", *, ago: float = 60, millions: int = 1, **rest: Any) -> None:
    root = sending.agent(agent, ago=ago)
    sending.send([root, sending.call(root, tokens=(millions * 1_000_000, 0), ago=ago, **rest)])


def nanos(*budgets: Budget) -> list[int]:
    return [kept.standing.figures.spent_nanos for kept in selector.standings(budgets, now=NOW)]


def test_everything_an_agent_and_a_model_are_told_apart(make: Make, sending: Sending) -> None:
    spent(sending, "a")
    spent(sending, "b", millions=2)
    spent(sending, "a", model="gpt-4o-mini-2024-07-18", millions=3)
    whole, of_a, of_model = make(), make(agent="a"), make(model="gpt-4o-mini")
    nobody = make(agent="nobody")
    assert nanos(whole, of_a, of_model, nobody) == [6 * MILLION, 4 * MILLION, 3 * MILLION, 0]


def test_days_weeks_and_months_begin_where_they_are_said_to(make: Make, sending: Sending) -> None:
    assert NOW.isoweekday() == 1
    for ago in (60, 13 * HOUR, 2 * DAY, 40 * DAY):  # today; yesterday in UTC, today in Japan; February; January
        spent(sending, ago=ago)
    day, week, month = (make(period=period) for period in ("day", "week", "month"))
    assert nanos(day, week, month) == [MILLION, MILLION, 2 * MILLION]
    assert nanos(make(time_zone="Asia/Tokyo"), make(time_zone="America/New_York")) == [2 * MILLION, MILLION]


def test_what_comes_late_is_spent_in_the_period_it_belongs_to(make: Make, sending: Sending, project: Project) -> None:
    month = make(period="month")
    spent(sending, ago=30 * HOUR)
    compaction.run(now=NOW, projects=[project.pk])
    assert nanos(month) == [MILLION]
    spent(sending, ago=31 * HOUR, millions=2)
    assert nanos(month) == [3 * MILLION], "before anything is compacted anew"
    compaction.run(now=NOW, projects=[project.pk])
    assert nanos(month) == [3 * MILLION]


def test_a_child_that_comes_late_takes_its_parents_usage_out(make: Make, sending: Sending) -> None:
    budget = make()
    root = sending.agent(attributes={"gen_ai.usage.input_tokens": 1_000_000, "gen_ai.request.model": "gpt-4o-mini"})
    sending.send([root])
    before = nanos(budget)
    sending.send([sending.call(root, tokens=(1_000_000, 0))])
    assert before == nanos(budget) == [MILLION], "the same usage is spent once"


def test_prices_that_change_are_what_was_spent_after_a_rebuild(make: Make, sending: Sending, project: Project) -> None:
    budget = make()
    spent(sending)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_span SET cost_nanos = 2 * cost_nanos WHERE project_id = %s", [project.pk])
    rollups.rebuild(project_id=project.pk, start=NOW - timedelta(hours=2), end=NOW)
    assert nanos(budget) == [2 * MILLION]


def test_calls_without_a_price_are_counted_apart(make: Make, sending: Sending) -> None:
    spent(sending, model="nobody-knows-this-model")
    spent(sending)
    [kept] = selector.standings([make()], now=NOW)
    assert (kept.standing.figures.unpriced_calls, kept.standing.figures.spent_nanos) == (1, MILLION)


def test_agents_that_are_not_told_apart_are_said(make: Make, sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dimensions, "CAP", 1)
    dimensions.forget()
    spent(sending, "first")
    spent(sending, "second")
    [of_second, whole] = selector.standings([make(agent="second"), make()], now=NOW)
    dimensions.forget()
    assert of_second.standing.figures.spent_nanos == 0
    assert of_second.standing.figures.unattributed_nanos == MILLION, f"counted under {OTHER}"
    assert (whole.standing.figures.spent_nanos, whole.standing.figures.unattributed_nanos) == (2 * MILLION, 0)


def test_no_span_is_read_and_queries_do_not_grow_with_budgets(make: Make, sending: Sending) -> None:
    spent(sending)
    counts = []
    for number in range(2):
        for other in range(1 + 8 * number):
            for period in ("day", "week", "month"):
                make(name=f"{number} {other}", period=period, agent=f"{other}")
        rows = list(Budget.objects.all())
        with CaptureQueriesContext(connection) as queries:
            selector.standings(rows, now=NOW)
        counts.append(len(queries))
        assert not any("metrics_span" in query["sql"] or "metrics_trace" in query["sql"] for query in queries)
    assert counts == [2, 2]


def test_other_projects_spend_their_own(make: Make, sending: Sending, other_project: Project) -> None:
    spent(Sending(other_project))
    assert nanos(make()) == [0]


def test_those_that_apply_come_tightest_first(make: Make, sending: Sending, project: Project) -> None:
    spent(sending, "a", millions=4)
    loose, tight = make(name="loose"), make(name="tight", agent="a", limit_nanos=DOLLAR // 2)
    no = make(name="no", agent="a", limit_nanos=DOLLAR // 2, when_spent="refuse")
    for_model = make(name="model", model="gpt-4o-mini")
    make(name="theirs", agent="b")
    found = selector.applying(project.pk, agent="a", model="", now=NOW)
    assert [kept.budget for kept in found] == [no, tight, loose]
    found = selector.applying(project.pk, agent="", model="gpt-4o-mini", now=NOW)
    assert {kept.budget for kept in found} == {loose, for_model}
    assert selector.share_spent(project.pk, agent="a", now=NOW) == pytest.approx(1.2)
    assert selector.share_spent(project.pk, agent="", now=NOW) == pytest.approx(0.6)
