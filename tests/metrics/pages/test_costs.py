"""The costs page and its CSV."""

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project, User
from metrics.resolutions import OTHER
from metrics.selectors.costs import BY
from metrics.services import compaction, dimensions, spend
from tests.metrics.sending import Sending

URL = "/p/fleet/costs/"
DAY = 86_400
# Of gpt-4o-mini, per token.
PRICE = 0.15e-6


def spent(sending: Sending, agent: str, tokens: int, *, ago: float = 60, **rest: Any) -> None:
    """A request of an agent with one call."""
    attributes = {"user.id": rest.pop("user", ""), "tag.tags": rest.pop("tags", []), **rest.pop("attributes", {})}
    root = sending.agent(agent, ago=ago, attributes=attributes)
    sending.send([root, sending.call(root, tokens=(tokens, 0), ago=ago, **rest)])


def rows(page: Client, **query: str) -> dict[str, dict[str, str]]:
    """The CSV by its first column."""
    answer = page.get(f"{URL}table/", query)
    assert answer["Content-Type"].startswith("text/csv")
    assert "attachment" in answer["Content-Disposition"]
    return {next(iter(row.values())): row for row in csv.DictReader(io.StringIO(answer.content.decode()))}


def test_costs_are_listed_by_agent_with_share_and_change(page: Client, sending: Sending) -> None:
    spent(sending, "big", 3_000_000, ago=DAY)
    spent(sending, "small", 1_000_000, ago=60)
    spent(sending, "big", 1_000_000, ago=8 * DAY)
    table = rows(page, by="agent", days="7")
    assert list(table) == ["big", "small"]
    assert [float(row["cost_usd"]) for row in table.values()] == pytest.approx([0.45, 0.15])
    assert [float(row["share"]) for row in table.values()] == pytest.approx([0.75, 0.25])
    assert float(table["big"]["cost_per_request_usd"]) == pytest.approx(0.45)
    html = page.get(URL, {"by": "agent", "days": "7"}).content.decode()
    assert "$0.6000" in html
    assert "+200%" in html, "the six complete days against the six before"
    assert "agent=big" in html


def test_every_dimension_comes_to_the_same_sum(page: Client, sending: Sending, project: Project) -> None:
    for number in range(5):
        spent(sending, f"a{number}", 100_000, ago=60 + number * DAY, user=f"u{number}", tags=["x", f"t{number}"])
    compaction.run(now=sending.now, projects=[project.pk])
    whole = 5 * 100_000 * PRICE
    for by in BY:
        total = sum(float(row["cost_usd"]) for row in rows(page, by=by).values())
        assert total == pytest.approx(2 * whole if by == "tag" else whole), by
        html = page.get(URL, {"by": by}).content.decode()
        assert f"${whole:.4f}" in html, by
        [figure] = re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)
        drawn = sum(value or 0 for trace in json.loads(figure)["data"] for value in trace["y"])
        assert drawn == pytest.approx(2 * whole if by == "tag" else whole), by


def test_the_number_of_queries_does_not_grow(page: Client, sending: Sending, project: Project) -> None:
    for by in BY:
        counted = []
        for agents in (1, 9):
            for number in range(agents):
                spent(sending, f"{by} {agents} {number}", 1_000, user=f"{by} {number}", model=f"gpt-4o-mini-{number}")
            compaction.run(now=sending.now, projects=[project.pk], pause=False)
            page.get(URL, {"by": by})
            with CaptureQueriesContext(connection) as queries:
                page.get(URL, {"by": by})
            counted.append(len(queries))
        assert counted[0] == counted[1], by
        assert counted[1] <= 22, by


def test_users_beyond_the_cap_are_other_and_the_page_says_so(
    page: Client, sending: Sending, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spend, "CAP", 2)
    for number in range(5):
        spent(sending, "a", 1_000_000 * (number + 1), user=f"u{number}")
    compaction.run(now=sending.now, projects=[project.pk])
    table = rows(page, by="user")
    assert {name: round(float(row["cost_usd"]) / 0.15) for name, row in table.items()} == {"u4": 5, "u3": 4, "other": 6}
    assert list(table)[-1] == "other"
    html = page.get(URL, {"by": "user"}).content.decode()
    assert "stands for the rest: 3" in html
    assert "user=other" not in html


def test_calls_without_a_price_are_said(page: Client, sending: Sending) -> None:
    spent(sending, "a", 1_000, model="nobody-knows-this-model")
    html = page.get(URL).content.decode()
    assert "1 call has no known price" in html
    assert "1 unpriced" in html
    assert "$0.00" not in re.sub(r"<script.*?</script>", "", html, flags=re.S)
    assert [(row["cost_usd"], row["cost_per_request_usd"]) for row in rows(page, by="model").values()] == [("", "")]


def test_a_value_is_no_formula(page: Client, sending: Sending) -> None:
    spent(sending, "=HYPERLINK(1)", 1_000)
    assert "'=HYPERLINK(1)" in rows(page, by="agent")


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=2026-03-02&to=2026-03-01", "days=x", "from=0001-01-01", "days=9"]
)
def test_days_that_cannot_be_are_said(page: Client, sending: Sending, query: str) -> None:
    spent(sending, "a", 1_000)
    html = page.get(f"{URL}?{query}").content.decode()
    assert ("The days must be dates" in html) == (query != "days=9")


ZONES = ("America/Los_Angeles", "Asia/Tokyo")


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_are_those_of_utc_in_every_zone_and_show_keeps_them(
    zone: str, viewer: User, page: Client, sending: Sending
) -> None:
    User.objects.filter(pk=viewer.pk).update(time_zone=zone)
    spent(sending, "a", 1_000)
    html = page.get(URL, {"days": "7"}).content.decode()
    days = re.findall(r'type="date" name="(?:from|to)" value="(.*?)"', html)
    assert days == ["2026-02-24", "2026-03-02"]
    assert "24 Feb 2026 to 2 Mar 2026, days in UTC" in html
    again = page.get(URL, {"from": days[0], "to": days[1]}).content.decode()
    assert re.findall(r'type="date" name="(?:from|to)" value="(.*?)"', again) == days


def test_a_project_without_spans_says_how_to_send_them(page: Client) -> None:
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in page.get(URL).content.decode()


def test_strangers_find_no_costs(other_project: Project, page: Client, browser_of: Callable[[User], Client]) -> None:
    assert page.get("/p/strangers/costs/").status_code == 404
    assert page.get("/p/strangers/costs/table/").status_code == 404


def test_the_cap_of_rollups_is_known(page: Client, sending: Sending) -> None:
    assert dimensions.CAP == 1_000
    spent(sending, OTHER, 1_000)
    assert "stands for those that came later" in page.get(URL, {"by": "agent"}).content.decode()
