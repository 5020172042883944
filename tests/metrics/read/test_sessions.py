"""Sessions through the API, and their pages."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents.models import Project
from metrics.selectors import bounded, sessions
from metrics.services.sessions import refresh
from tests.metrics.sending import NOW, Sending

Ask = Callable[..., Any]
HOSTILE = '"><script>alert(1)</script>/..%2F'


def message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def visit(sending: Sending, session: str, *, asks: str = "hi", says: str = "hello", **rest: Any) -> bytes:
    """One trace of a session: an agent with one model call; returns its id."""
    attributes = {"session.id": session, **rest.pop("attributes", {})}
    root = sending.agent(rest.pop("name", "helper"), attributes=attributes, **rest)
    said = {
        "gen_ai.input.messages": json.dumps([message("user", asks)]),
        "gen_ai.output.messages": json.dumps([message("assistant", says)]),
    }
    sending.send([root, sending.call(root, ago=rest.get("ago", 60), attributes=said)])
    return root.trace_id


def listed(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["session_id"] for one in answer.json()["results"]]


def test_sessions_are_listed_by_their_last_activity_and_filtered(sending: Sending, ask: Ask) -> None:
    visit(sending, "old", ago=3_000, attributes={"user.id": "ann"})
    visit(sending, "a/b ü", ago=600, name="janitor")
    visit(sending, "old", ago=60, error="Boom")
    visit(sending, "mid", ago=300, attributes={"user.id": "ann"}, environment="test")
    refresh(now=NOW)
    assert listed(ask("sessions")) == ["old", "mid", "a/b ü"]
    assert listed(ask("sessions", user="ann")) == ["old", "mid"]
    assert listed(ask("sessions", agent="janitor")) == ["a/b ü"]
    assert listed(ask("sessions", status="error")) == ["old"]
    assert listed(ask("sessions", environment="test", user="ann")) == ["mid"]
    assert listed(ask("sessions", to="2026-03-02T11:54:00Z")) == ["a/b ü"]
    first = ask("sessions").json()["results"][0]
    assert (first["trace_count"], first["status"], first["user_id"]) == (2, "error", "ann")


def test_the_box_finds_a_session_by_its_id_in_any_range_and_a_user_first(sending: Sending, page: Client) -> None:
    url = "/p/fleet/sessions/"
    visit(sending, "a/b ü", ago=600)
    visit(sending, "other", ago=600, attributes={"user.id": "ann"})
    refresh(now=NOW)
    for asked in ("a/b ü", " a/b ü "):
        found = page.get(url, {"user": asked, "range": "15m", "from": "2026-01-01", "to": "2026-01-02"})
        assert found.status_code == 302
        assert page.get(found["Location"]).status_code == 200
    live = page.get(url, {"user": "a/b ü", "range": "15m"}, headers={"HX-Request": "true"})
    assert live.status_code == 200
    visit(sending, "ann", ago=600)
    refresh(now=NOW)
    assert "other" in page.get(url, {"user": "ann"}).content.decode()
    assert "No session matches" in page.get(url, {"user": "nobody"}).content.decode()


def test_sessions_of_a_person_are_found_by_the_address_that_was_masked(
    sending: Sending, ask: Ask, page: Client
) -> None:
    visit(sending, "hers", ago=600, attributes={"user.id": "ana@example.com"})
    visit(sending, "ana@example.org", ago=600, attributes={"user.id": "ben"})
    refresh(now=NOW)
    assert listed(ask("sessions", user="ana@example.com")) == ["hers"]
    html = page.get("/p/fleet/sessions/", {"user": "ana@example.com"}).content.decode()
    assert "hers" in html
    assert 'value="ana@example.com"' in html
    assert page.get("/p/fleet/sessions/", {"user": "ana@example.org"}).status_code == 302


def test_pages_walk_all_sessions_once(sending: Sending, ask: Ask) -> None:
    for number in range(7):
        visit(sending, f"s{number}", ago=60 + number // 2)
    refresh(now=NOW)
    answer = ask("sessions", limit=3).json()
    seen = [one["session_id"] for one in answer["results"]]
    while answer["next"]:
        answer = ask("sessions", limit=3, cursor=answer["next"].partition("cursor=")[2].partition("&")[0]).json()
        seen += [one["session_id"] for one in answer["results"]]
    assert sorted(seen) == [f"s{number}" for number in range(7)]


def test_a_search_that_finds_nothing_stops_and_goes_on(
    sending: Sending, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        visit(sending, f"s{number}", ago=60 + number)
    visit(sending, "needle", ago=300, name="rare")
    refresh(now=NOW)
    for module in (bounded, sessions):
        monkeypatch.setattr(module, "SLICE_ROWS", 2)
    monkeypatch.setattr(sessions, "ROWS_PER_REQUEST", 6)
    answer = ask("sessions", agent="rare").json()
    assert answer["results"] == []
    assert answer["searched_back_to"]
    cursor = answer["next"].partition("cursor=")[2].partition("&")[0]
    assert listed(ask("sessions", agent="rare", cursor=cursor)) == ["needle"]


@pytest.mark.parametrize("session", ["plain", "a/b ü%", "..", HOSTILE])
def test_a_session_is_found_by_its_id_whatever_that_is(session: str, sending: Sending, ask: Ask, page: Client) -> None:
    traces = [visit(sending, session, ago=ago) for ago in (300, 200, 100)]
    refresh(now=NOW)
    path = reverse("metrics-api:session", kwargs={"session_id": session}).removeprefix("/api/v1/")
    answer = ask(path, limit=2).json()
    assert (answer["session_id"], answer["trace_count"]) == (session, 3)
    assert [one["trace_id"] for one in answer["traces"]] == [trace.hex() for trace in traces[:2]]
    cursor = answer["next"].partition("cursor=")[2].partition("&")[0]
    rest = ask(path, limit=2, cursor=cursor).json()
    assert [one["trace_id"] for one in rest["traces"]] == [traces[2].hex()]
    assert rest["next"] is None
    html = page.get(reverse("metrics:session", kwargs={"project": "fleet", "session_id": session})).content.decode()
    assert "<script>alert" not in html
    assert html.count('class="card session-turn"') == 3


def test_sessions_of_other_projects_do_not_exist(other_project: Project, ask: Ask, page: Client) -> None:
    visit(Sending(other_project), "theirs")
    refresh(now=NOW)
    assert ask("sessions/theirs").status_code == 404
    assert listed(ask("sessions")) == []
    assert page.get("/p/fleet/sessions/theirs/").status_code == 404
    assert "theirs" not in page.get("/p/fleet/sessions/").content.decode()


def test_the_page_shows_what_was_said_once_with_costs_and_errors(sending: Sending, page: Client) -> None:
    visit(sending, "talk", asks="who are you", says="a helper", ago=300)
    visit(sending, "talk", asks="who are you", says="still a helper", ago=200, error="Boom")
    refresh(now=NOW)
    html = page.get("/p/fleet/sessions/talk/").content.decode()
    assert html.count("who are you") == 2
    assert html.index("a helper") < html.index("still a helper")
    assert "1 error" in html
    assert html.count("/p/fleet/queue/of-trace/?trace_id=") == 2


def test_a_long_session_is_shown_page_by_page_the_latest_first(sending: Sending, page: Client) -> None:
    for number in range(14):
        visit(sending, "long", asks=f"question {number:02}", ago=3_000 - number)
    refresh(now=NOW)
    url = "/p/fleet/sessions/long/"
    asked = re.findall(r"question \d\d", html := page.get(url).content.decode())
    assert asked == [f"question {number:02}" for number in range(4, 14)]
    (earlier,) = re.findall(r'rel="prev" href="([^"]+)"', html)
    html = page.get(earlier.replace("&amp;", "&")).content.decode()
    assert re.findall(r"question \d\d", html) == [f"question {number:02}" for number in range(4)]
    (later,) = re.findall(r'rel="next" href="([^"]+)"', html)
    assert re.findall(r"question \d\d", page.get(later.replace("&amp;", "&")).content.decode()) == asked


def test_a_refresh_without_news_is_empty(sending: Sending, page: Client) -> None:
    visit(sending, "s")
    refresh(now=NOW)
    html = page.get("/p/fleet/sessions/s/").content.decode()
    (seen,) = re.findall(r"seen=([\d.]+)", html)
    assert page.get(f"/p/fleet/sessions/s/?seen={seen}", headers={"HX-Request": "true"}).status_code == 204


def test_pages_take_the_same_queries_whatever_their_length(sending: Sending, page: Client) -> None:
    def queries(url: str) -> int:
        page.get(url)
        with CaptureQueriesContext(connection) as captured:
            assert page.get(url).status_code == 200
        return len(captured)

    for number in range(2):
        visit(sending, "s", ago=100 + number)
    refresh(now=NOW)
    before = queries("/p/fleet/sessions/"), queries("/p/fleet/sessions/s/")
    for number in range(7):
        visit(sending, "s", ago=200 + number)
        visit(sending, f"s{number}")
    refresh(now=NOW)
    assert (queries("/p/fleet/sessions/"), queries("/p/fleet/sessions/s/")) == before


def test_empty_pages_say_what_to_do(sending: Sending, page: Client) -> None:
    assert "session.id" in page.get("/p/fleet/sessions/").content.decode()
    visit(sending, "s")
    refresh(now=NOW)
    waiting = page.get("/p/fleet/sessions/?waiting=1", headers={"HX-Request": "true"})
    assert waiting["HX-Refresh"] == "true"
    assert "No session matches" in page.get("/p/fleet/sessions/?user=nobody").content.decode()
    assert "status must be one of" in page.get("/p/fleet/sessions/?status=odd").content.decode()
