"""How a budget burns down, on its own page, and what the overview says of the tightest one."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project, User
from metrics import charts
from metrics.models import Budget
from metrics.selectors import budgets as selector
from metrics.services import budgets, compaction
from tests.metrics.budgets.conftest import DOLLAR, Make
from tests.metrics.budgets.test_spent import DAY, HOUR, MILLION, spent
from tests.metrics.sending import NOW, Sending

OVERVIEW = "/p/fleet/"


def url(budget: Budget) -> str:
    return f"/p/fleet/costs/budgets/{budget.pk}/"


def figure(html: str) -> dict[str, Any]:
    [found] = re.findall(
        r'id="chart-burn-down" data-chart.*?<script type="application/json">(.*?)</script>', html, re.S
    )
    drawn: dict[str, Any] = json.loads(found)
    return drawn


def tile(client: Client, query: str = "") -> str:
    html = client.get(f"{OVERVIEW}{query}").content.decode()
    return html.split('id="tile-cost"')[1].split('id="tile-latency"')[0]


def test_what_remains_goes_down_by_the_hour_against_the_even_line(make: Make, sending: Sending) -> None:
    spent(sending, ago=10.5 * HOUR)
    spent(sending, ago=60, millions=2)
    burn = selector.burn_down(make(), now=NOW)
    points = burn.points()
    assert len(points) == 14, "midnight, twelve ends of hours, and now"
    assert [one.remaining_nanos for one in points[:3]] == [DOLLAR, DOLLAR, DOLLAR - MILLION]
    assert points[-1].at == NOW
    assert points[-1].remaining_nanos == burn.standing.remaining_nanos == DOLLAR - 3 * MILLION
    assert points[12].even_nanos == DOLLAR // 2
    assert points[-1].even_nanos < DOLLAR // 2


@pytest.mark.parametrize(
    ("period", "zone", "steps"),
    [
        ("day", "UTC", 24),
        ("day", "Asia/Kathmandu", 24),
        ("week", "America/New_York", 28),
        ("month", "Europe/Berlin", 31),
        ("month", "Pacific/Chatham", 31),
    ],
)
def test_it_agrees_with_the_standing_in_every_zone(
    make: Make, sending: Sending, project: Project, period: str, zone: str, steps: int
) -> None:
    for ago in (60, 5 * HOUR, 30 * HOUR, 3 * DAY):
        spent(sending, ago=ago)
    budget = make(period=period, time_zone=zone)
    for _ in range(2):
        burn, [kept] = selector.burn_down(budget, now=NOW), selector.standings([budget], now=NOW)
        assert burn.steps.bin_count == len(burn.spent) == steps
        assert burn.standing == kept.standing
        assert burn.points()[-1].remaining_nanos == DOLLAR - kept.standing.figures.spent_nanos
        compaction.run(now=NOW, projects=[project.pk])


def test_days_on_which_clocks_change_have_another_number_of_hours(make: Make) -> None:
    budget = make(time_zone="Europe/Berlin")
    counts = [
        selector.burn_down(budget, now=NOW.replace(month=month, day=day)).steps.bin_count
        for month, day in ((3, 29), (10, 25))
    ]
    assert counts == [23, 25]


def test_an_agents_budget_burns_by_what_the_agent_spends(make: Make, sending: Sending) -> None:
    spent(sending, "a")
    spent(sending, "b", millions=4)
    assert selector.burn_down(make(agent="a"), now=NOW).points()[-1].remaining_nanos == DOLLAR - MILLION


def test_more_than_the_limit_goes_below_nothing(make: Make, sending: Sending) -> None:
    spent(sending, millions=10)
    burn = selector.burn_down(make(), now=NOW)
    assert burn.points()[-1].remaining_nanos == -DOLLAR // 2
    assert burn.standing.remaining_nanos == 0


def test_the_lines_of_the_chart_are_in_the_zone_of_the_budget(make: Make, sending: Sending) -> None:
    spent(sending)
    drawn = charts.burn_down(selector.burn_down(make(time_zone="Asia/Tokyo"), now=NOW))
    left, even, pace = drawn["data"]
    assert (left["x"][0], left["x"][-1]) == ("2026-03-02T00:00:00", "2026-03-02T21:00:30")
    assert (even["x"][-1], even["y"][-1]) == ("2026-03-03T00:00:00", 0)
    assert pace["x"] == ["2026-03-02T21:00:30", "2026-03-03T00:00:00"]
    assert pace["y"][-1] < left["y"][-1] < 1


def test_a_viewer_sees_the_burn_down_and_no_form(page: Client, make: Make, sending: Sending) -> None:
    spent(sending)
    budget = make(name="<b>Whole</b>")
    html = page.get(url(budget)).content.decode()
    assert len(figure(html)["data"]) == 3
    assert "$0.8500" in html
    assert "<b>Whole</b>" not in html
    assert 'name="limit"' not in html
    assert "archive/" not in html
    assert page.post(url(budget), {}).status_code == 403


def test_whoever_may_change_it_has_the_form_below(
    operator: User, browser_of: Callable[[User], Client], make: Make
) -> None:
    html = browser_of(operator).get(url(make())).content.decode()
    assert 0 < html.index('id="chart-burn-down"') < html.index('name="limit"')


def test_what_has_no_price_is_said(page: Client, make: Make, sending: Sending) -> None:
    whole, odd = make(), make(model="nobody-knows-this-model")
    spent(sending)
    spent(sending, model="nobody-knows-this-model")
    html = page.get(url(whole)).content.decode()
    assert "1 call has no known price" in html
    assert "≤ $0.8500" in html
    assert "+ 1 unpriced" in html
    html = page.get(url(odd)).content.decode()
    assert "what remains cannot be told" in html
    assert "chart-burn-down" not in html
    assert "$0.00" not in html


def test_a_page_takes_as_many_queries_however_much_is_spent(page: Client, make: Make, sending: Sending) -> None:
    budget, counts = make(period="month"), []
    for number in (1, 8):
        for other in range(number):
            spent(sending, f"{number} {other}", ago=other * DAY + 60)
        page.get(url(budget))
        with CaptureQueriesContext(connection) as queries:
            page.get(url(budget))
        counts.append(len(queries))
        assert not any("metrics_span" in query["sql"] or "metrics_trace" in query["sql"] for query in queries)
    assert counts[0] == counts[1] <= 10


def test_budgets_of_other_projects_and_archived_ones_are_not_there(
    page: Client, make: Make, operator: User, other_project: Project
) -> None:
    gone = make()
    budgets.archive(budget=gone, by=operator, now=NOW)
    for one in (make(of=other_project), gone):
        assert page.get(url(one)).status_code == 404


def test_the_overview_says_how_the_tightest_budget_for_everything_stands(
    page: Client, make: Make, sending: Sending
) -> None:
    spent(sending, millions=4)
    assert "tile-more" not in tile(page)
    make(name="Month", period="month", limit_nanos=10 * DOLLAR)
    make(name="Mine", agent="a", limit_nanos=DOLLAR // 100)
    assert "6.0% of $10.00 this month" in tile(page)
    make(name="Week", period="week", limit_nanos=DOLLAR)
    found = tile(page)
    assert "60% of $1.00 this week" in found
    assert 'href="/p/fleet/costs/budgets/"' in found
    assert "tile-more-" not in found, "no colour while there is nothing to warn of"
    make(name="Day", limit_nanos=700_000_000)
    assert "tile-more-warn" in tile(page)
    assert "Nearly spent" in tile(page)
    make(name="Hard", limit_nanos=600_000_000)
    assert "tile-more-danger" in tile(page)


def test_an_overview_of_one_agent_compares_with_no_budget_for_everything(
    page: Client, make: Make, sending: Sending
) -> None:
    spent(sending)
    make()
    assert "15% of $1.00 this day" in tile(page)
    assert "this day" not in tile(page, "?agent=a")


def test_the_overview_says_that_a_share_is_unknown(page: Client, make: Make, sending: Sending) -> None:
    make()
    spent(sending, model="nobody-knows-this-model")
    assert "unknown share of $1.00 this day" in tile(page)
    spent(sending)
    assert "≥ 15% of $1.00 this day" in tile(page)


def test_the_overview_takes_one_query_more_however_many_budgets_there_are(
    page: Client, make: Make, sending: Sending
) -> None:
    spent(sending, ago=60)
    spent(sending, ago=timedelta(days=1).total_seconds() * 20)
    page.get(OVERVIEW)
    counts = []
    for number in (0, 1, 8):
        for other in range(number):
            make(
                name=f"{number} {other}",
                period=("month", "week", "day")[other % 3],
                time_zone=("UTC", "Asia/Tokyo")[other % 2],
            )
        with CaptureQueriesContext(connection) as queries:
            page.get(OVERVIEW)
        counts.append(len(queries))
    assert counts == [counts[0], counts[0] + 1, counts[0] + 1]
