"""Agents through the API, and their pages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Project
from console.lib.clock import rfc3339
from metrics.services import compaction, heartbeats
from metrics.services.heartbeats import Beat
from tests.metrics.sending import NOW, Sending

Ask = Callable[..., Any]
HOSTILE = '"><script>alert(1)</script>/..%2F'


def work(
    sending: Sending,
    name: str,
    *,
    times: int = 1,
    version: str = "",
    error: int = 0,
    seconds: float = 1,
    ago: float = 60,
) -> None:
    """Runs of an agent with one model call each, of which the first `error` fail."""
    attributes = {"gen_ai.agent.version": version} if version else {}
    for number in range(times):
        root = sending.agent(
            name, attributes=attributes, error="Boom" if number < error else "", seconds=seconds, ago=ago + number
        )
        sending.send([root, sending.call(root, ago=ago + number)])


def beat(project: Project, agent: str, status: str, *, ago: float, **rest: Any) -> None:
    heartbeats.record(project_id=project.pk, beats=[Beat(agent, status, NOW - timedelta(seconds=ago), **rest)])


def named(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["name"] for one in answer.json()["results"]]


def test_agents_have_figures_versions_and_health(project: Project, sending: Sending, ask: Ask) -> None:
    work(sending, "helper", times=3, version="1.0", error=1)
    work(sending, "helper", version="2.0")
    work(sending, "janitor", ago=600)
    beat(project, "helper", "degraded", ago=30, components={"db": "up"})
    beat(project, "janitor", "ok", ago=3_000)
    helper, janitor = ask("agents").json()["results"]
    assert (helper["name"], helper["requests"], helper["errors"], helper["error_rate"]) == ("helper", 4, 1, 0.25)
    assert helper["versions"] == ["1.0", "2.0"]
    assert helper["latency_ms"]["p50"] == pytest.approx(1_000, rel=0.02)
    assert float(helper["cost_usd"]) > 0
    assert helper["health"]["status"] == "degraded"
    assert (janitor["health"]["status"], janitor["health"]["last_status"]) == ("unknown", "ok")


@pytest.mark.parametrize("hours", [1, 24, 24 * 7, 24 * 100])
def test_an_agent_was_last_active_in_the_same_minute_in_every_range_however_coarse_its_figures(
    hours: int, project: Project, sending: Sending, ask: Ask
) -> None:
    def range_(until: datetime) -> dict[str, str]:
        return {"from": rfc3339(until - timedelta(hours=hours)), "to": rfc3339(until)}

    times = {"today": NOW - timedelta(minutes=25), "earlier": datetime(2026, 3, 1, 21, 47, tzinfo=UTC)}
    for name, at in times.items():
        for before in (0, 120, 7_200):
            work(sending, name, ago=(NOW - at).total_seconds() + before)
    compaction.run(now=NOW + timedelta(days=2), projects=[project.pk])
    for name, at in times.items():
        until = at + timedelta(minutes=20)
        listed = {one["name"]: one["last_seen"] for one in ask("agents", **range_(until)).json()["results"]}
        alone = ask(f"agents/{name}", **range_(until)).json()["last_seen"]
        assert (listed[name], alone) == (rfc3339(at.replace(second=0)),) * 2


def test_a_late_span_counts_before_its_day_is_compacted_again(project: Project, sending: Sending, ask: Ask) -> None:
    work(sending, "late", ago=86_400)
    compaction.run(now=NOW + timedelta(days=2), projects=[project.pk])
    work(sending, "late", ago=86_400 - 600)
    found = ask("agents/late", **{"from": "2026-02-20", "to": "2026-03-02"}).json()["last_seen"]
    assert found == rfc3339(datetime(2026, 3, 1, 12, 10, tzinfo=UTC))


def test_an_agent_that_only_others_call_counts_its_runs(sending: Sending, ask: Ask) -> None:
    root = sending.agent("boss")
    worker = sending.agent("worker", trace=root.trace_id, parent=root.span_id)
    sending.send([root, worker, sending.call(worker)])
    boss, hand = ask("agents").json()["results"]
    assert (boss["requests"], boss["called"]) == (1, False)
    assert (hand["requests"], hand["called"]) == (1, True)
    assert boss["cost_usd"] == "0"
    assert float(hand["cost_usd"]) > 0


def test_agents_are_listed_by_name_page_by_page(sending: Sending, ask: Ask) -> None:
    for name in ("c", "a", "d/e", "b"):
        work(sending, name)
    first = ask("agents", limit=3)
    assert named(first) == ["a", "b", "c"]
    cursor = first.json()["next"].partition("cursor=")[2].partition("&")[0]
    rest = ask("agents", limit=3, cursor=cursor)
    assert (named(rest), rest.json()["next"]) == (["d/e"], None)
    assert named(ask("agents", **{"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T06:00:00Z"})) == []


def test_versions_are_compared_with_the_one_used_most(sending: Sending, ask: Ask) -> None:
    work(sending, "helper", times=60, version="1.0", seconds=1, error=3)
    work(sending, "helper", times=40, version="2.0", seconds=3, error=2)
    old, new = ask("agents/helper").json()["versions"]
    assert (old["version"], old["requests"], old["error_rate"]["compared"]) == ("1.0", 60, None)
    assert new["latency_p50_ms"]["compared"] == "higher"
    assert new["error_rate"]["compared"] == "same"
    low, high = old["error_rate"]["low"], old["error_rate"]["high"]
    assert low < 0.05 < high


@pytest.mark.parametrize("name", ["plain", "a/b ü%", "..", HOSTILE])
def test_an_agent_is_found_by_its_name_whatever_that_is(name: str, sending: Sending, ask: Ask, page: Client) -> None:
    work(sending, name)
    path = reverse("metrics-api:agent", kwargs={"name": name}).removeprefix("/api/v1/")
    answer = ask(path).json()
    assert (answer["name"], answer["requests"]) == (name, 1)
    assert [model["model"] for model in answer["models"]] == ["gpt-4o-mini"]
    html = page.get(reverse("metrics:agent", kwargs={"project": "fleet", "name": name})).content.decode()
    assert "<script>alert" not in html
    assert 'id="card-versions"' in html
    assert "<script>alert" not in page.get("/p/fleet/agents/").content.decode()


def test_the_page_shows_components_as_reported_and_that_they_are_old(
    project: Project, sending: Sending, page: Client
) -> None:
    work(sending, "helper", error=1)
    components = {"db": {"status": "up", "pool": 3}, "search": False}
    breakers = [{"name": "mail", "state": "open"}, HOSTILE]
    beat(project, "helper", "ok", ago=3_600, components=components, circuit_breakers=breakers)
    html = page.get("/p/fleet/agents/helper/").content.decode()
    for word in ("unknown", "db", "up", "mail", "open", "it may be different now", "Boom"):
        assert word in html
    assert "<script>alert" not in html
    assert "/p/fleet/queue/rates/?agent=helper" in html


def test_an_agent_without_figures_now_says_so_and_an_unknown_one_is_not_there(
    project: Project, sending: Sending, page: Client, ask: Ask
) -> None:
    work(sending, "helper", ago=7_200)
    assert "did nothing in this time range" in page.get("/p/fleet/agents/helper/?range=1h").content.decode()
    assert page.get("/p/fleet/agents/nobody/").status_code == 404
    beat(project, "silent", "ok", ago=10)
    assert page.get("/p/fleet/agents/silent/").status_code == 200


def test_the_api_answers_for_the_last_day_and_with_zeros_for_an_agent_that_rested(
    project: Project, sending: Sending, page: Client, ask: Ask
) -> None:
    work(sending, "helper", ago=6 * 3_600)
    assert named(ask("agents")) == ["helper"]
    assert ask("agents/helper").json()["requests"] == 1
    work(sending, "rested", ago=40 * 86_400)
    assert named(ask("agents")) == ["helper"]
    rested = ask("agents/rested").json()
    assert (rested["requests"], rested["cost_usd"], rested["latency_ms"]["p50"], rested["last_seen"]) == (
        0,
        "0",
        None,
        None,
    )
    assert (rested["versions"], rested["models"]) == ([], [])
    assert page.get("/p/fleet/agents/rested/").status_code == 200
    missing = ask("agents/nobody")
    assert (missing.status_code, "No agent of this name" in missing.json()["detail"]) == (404, True)


def test_agents_of_other_projects_do_not_exist(other_project: Project, ask: Ask, page: Client) -> None:
    work(Sending(other_project), "theirs")
    beat(other_project, "theirs", "ok", ago=1)
    assert named(ask("agents")) == []
    assert ask("agents/theirs").status_code == 404
    assert page.get("/p/fleet/agents/theirs/").status_code == 404
    assert "theirs" not in page.get("/p/fleet/agents/").content.decode()


def test_pages_take_the_same_queries_whatever_the_number_of_agents_and_versions(sending: Sending, page: Client) -> None:
    def queries(url: str) -> int:
        page.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert page.get(url).status_code == 200
        return len(captured)

    work(sending, "helper", version="1")
    before = queries("/p/fleet/agents/"), queries("/p/fleet/agents/helper/")
    for number in range(6):
        work(sending, f"agent {number}")
        work(sending, "helper", version=f"1.{number}")
    assert (queries("/p/fleet/agents/"), queries("/p/fleet/agents/helper/")) == before


def test_empty_pages_say_what_to_do(sending: Sending, page: Client) -> None:
    assert "OTEL_EXPORTER_OTLP_HEADERS" in page.get("/p/fleet/agents/").content.decode()
    sending.send([sending.call()])
    assert "gen_ai.agent.name" in page.get("/p/fleet/agents/").content.decode()


def test_steps_and_errors_of_an_agent_lead_to_its_traces(page: Client, sending: Sending) -> None:
    root = sending.agent("planner")
    sending.send([root, sending.span("look up", trace=root.trace_id, parent=root.span_id, error="ToolError")])
    html = page.get("/p/fleet/agents/planner/?range=24h").content.decode()
    links = re.findall(r'class="row-link truncate" href="([^"]+)"', html[html.index('id="card-errors"') :])
    assert any("error_type=ToolError" in link and "agent=planner" in link for link in links)
    assert any("q=span%3A%22look+up%22" in link and "agent=planner" in link for link in links)
