"""The page of log records and one record in full."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.models import Log
from metrics.selectors import bounded, logs
from tests.metrics.read.test_logs import record, write_to
from tests.metrics.sending import NOW, ns

URL = "/p/fleet/logs/"
HTMX: Any = {"HX-Request": "true"}
HOSTILE = '<script>alert(1)</script><a href="https://evil.example">x</a>'


def rows(html: str) -> list[str]:
    return re.findall(r'<li id="log-(\d+)-[0-9a-f]{32}">', html)


def test_without_logs_the_page_says_how_to_send_them(page: Client) -> None:
    html = page.get(URL).content.decode()
    assert "OTEL_EXPORTER_OTLP_HEADERS" in html
    assert 'data-live-groups="metrics"' in html


def test_the_first_record_makes_an_empty_page_whole(page: Client, project: Project) -> None:
    write_to(project, record())
    assert page.get(f"{URL}?waiting=1", headers=HTMX)["HX-Refresh"] == "true"


def test_filters_are_in_the_address_and_no_match_is_said(page: Client, project: Project) -> None:
    write_to(project, record("a", severity=17), record("b", ago=70))
    assert len(rows(page.get(URL).content.decode())) == 2
    assert len(rows(page.get(f"{URL}?severity=error").content.decode())) == 1
    assert "No record matches" in page.get(f"{URL}?q=nothing").content.decode()
    assert "must be one of" in page.get(f"{URL}?severity=loud").content.decode()


def test_a_long_search_says_how_far_it_came(page: Client, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write_to(project, *(record(f"n{number}", ago=60 + number) for number in range(20)))
    for module in (bounded, logs):
        monkeypatch.setattr(module, "SLICE_ROWS", 5)
    monkeypatch.setattr(logs, "ROWS_PER_REQUEST", 10)
    html = page.get(f"{URL}?q=nothing").content.decode()
    assert "Searched back to" in html
    assert 'rel="next"' in html


def test_following_shows_new_records_and_is_silent_without_any(page: Client, project: Project) -> None:
    write_to(project, record("a"))
    html = page.get(f"{URL}?tail=1").content.decode()
    (seen,) = re.findall(r"seen=([0-9a-f]{16})", html)
    assert page.get(f"{URL}?tail=1&seen={seen}", headers=HTMX).status_code == 204
    write_to(project, record("b", ago=5), record("debug", ago=4, severity=5))
    html = page.get(f"{URL}?tail=1&severity=info&seen={seen}", headers=HTMX).content.decode()
    assert rows(html) == [str(ns(NOW - timedelta(seconds=ago))) for ago in (5, 60)]


def test_a_record_opens_with_everything_it_carries_and_nothing_as_markup(page: Client, project: Project) -> None:
    write_to(
        project,
        record({"message": HOSTILE, "deep": [1]}, attributes={"k": HOSTILE}, trace_id=b"t" * 16, span_id=b"s" * 8),
    )
    log = Log.objects.get()
    url = f"{URL}{log.time_ns}/{bytes(log.id).hex()}/"
    listed, part, whole = page.get(URL), page.get(url, headers=HTMX), page.get(url)
    assert url in listed.content.decode()
    for answer in (listed, part, whole):
        html = answer.content.decode()
        assert "alert(1)" in html
        assert "<script>alert" not in html
        assert 'href="https://evil.example"' not in html
    html = part.content.decode()
    assert f"/p/fleet/traces/{(b't' * 16).hex()}/?span={(b's' * 8).hex()}" in html
    assert "service.name" in html


def test_records_of_other_projects_do_not_exist(page: Client, other_project: Project) -> None:
    write_to(other_project, record("theirs"))
    log = Log.objects.get()
    assert page.get(f"{URL}{log.time_ns}/{bytes(log.id).hex()}/").status_code == 404
    assert rows(page.get(URL).content.decode()) == []
    assert page.get(f"{URL}1/nonsense/").status_code == 404
    assert page.get(f"{URL}{10**30}/{'0' * 32}/").status_code == 404


def test_the_list_takes_the_same_queries_whatever_its_length(page: Client, project: Project) -> None:
    def queries() -> int:
        page.get(URL)
        with CaptureQueriesContext(connection) as captured:
            assert page.get(URL).status_code == 200
        return len(captured)

    write_to(project, record())
    before = queries()
    write_to(project, *(record(f"n{number}") for number in range(40)))
    assert queries() == before
