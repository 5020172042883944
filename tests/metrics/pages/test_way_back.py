"""Pages without anything in their range lead to the range of the newest data, however old that is."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urljoin
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from agents.models import Project, User
from metrics.ranges import reaching
from metrics.services import sessions
from tests.metrics.sending import NOW, Sending

DAY = 86_400
LABELS = {"Show the last 24 hours", "Show the last 7 days", "Show the last 30 days", "Show the 30 days up to then"}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (3, {"range": "24h"}),
        (30, {"range": "7d"}),
        (8 * 24, {"range": "30d"}),
        (400 * 24, {"from": "2024-12-28T05:00:00.000000Z", "to": "2025-01-27T05:00:00.000000Z"}),
        (-1, {"from": "2026-02-01T05:00:00.000000Z", "to": "2026-03-03T05:00:00.000000Z"}),
    ],
)
def test_the_shortest_range_that_reaches_a_moment(hours: int, expected: dict[str, str]) -> None:
    assert reaching(NOW - timedelta(hours=hours), tz=ZoneInfo("America/New_York"), now=NOW) == expected


def way(page: Client, url: str) -> str:
    """Where the page leads to out of the empty range."""
    html = page.get(url).content.decode()
    found = [
        (href, label) for href, label in re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', html) if label in LABELS
    ]
    assert len(found) == 1, (url, found)
    return urljoin(f"http://testserver{url}", unescape(found[0][0])).removeprefix("http://testserver")


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Tokyo"])
@pytest.mark.parametrize("ago", [20 * DAY, 606 * DAY])
@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("traces/?range=7d", "invoke_agent helper"),
        ("sessions/?range=7d", "s-1"),
        ("agents/?range=24h", "helper"),
        ("costs/?days=7", "gpt-4o-mini"),
        ("", "helper"),
    ],
)
def test_an_empty_page_leads_to_the_newest_data(
    path: str, shown: str, ago: int, zone: str, project: Project, viewer: User, page: Client
) -> None:
    User.objects.filter(pk=viewer.pk).update(time_zone=zone)
    sending = Sending(project, now=NOW - timedelta(seconds=ago))
    root = sending.agent("helper", attributes={"session.id": "s-1"})
    sending.send([root, sending.call(root)])
    sessions.refresh(now=NOW)
    there = way(page, f"/p/fleet/{path}")
    html = page.get(there).content.decode()
    assert shown in html, there
    assert not LABELS & set(re.findall(r">([^<]*)<", html)), "it has arrived"


def test_filters_and_places_of_the_empty_page_do_not_hide_what_is_there(project: Project, page: Client) -> None:
    sending = Sending(project, now=NOW - timedelta(days=606))
    sending.send([sending.agent("helper")])
    there = way(page, "/p/fleet/traces/?range=30d&sort=cost")
    assert parse_qs(there.partition("?")[2]).keys() == {"sort", "from", "to"}


def test_an_agent_that_rested_leads_to_when_it_was_last_active(project: Project, page: Client) -> None:
    sending = Sending(project, now=NOW - timedelta(days=100))
    sending.send([sending.agent("helper")])
    html = page.get(way(page, "/p/fleet/agents/helper/?range=7d")).content.decode()
    assert 'id="card-versions"' in html


def test_days_with_traces_but_without_tokens_say_so_and_lead_nowhere(page: Client, sending: Sending) -> None:
    sending.send([sending.agent("helper")])
    html = page.get("/p/fleet/costs/?days=7").content.decode()
    assert "No span of these days reports tokens of a model." in html
    assert not LABELS & set(re.findall(r">([^<]*)<", html))
