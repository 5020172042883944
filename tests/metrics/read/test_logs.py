"""The search in log records: filters, pages, and that it stops."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch, RawLog, Source, Value
from metrics.models import Log
from metrics.selectors import bounded, logs
from metrics.selectors.logs import LogFilter
from tests.metrics.sending import NOW, ns


@pytest.fixture
def write(project: Project) -> Callable[..., None]:
    return lambda *records: write_to(project, *records)


def write_to(project: Project, *records: RawLog) -> None:
    outcome = pipeline.store_logs(project.pk, Batch(rows=list(records)), NOW)
    assert outcome.refused == 0, outcome.reason


def record(body: Value = "hello", *, ago: float = 60, severity: int = 9, event: str = "", **rest: Any) -> RawLog:
    time_ns = ns(NOW - timedelta(seconds=ago))
    resource = {"service.name": rest.pop("service", "shop"), "deployment.environment.name": rest.pop("place", "prod")}
    given: dict[str, Any] = {"trace_id": b"", "span_id": b"", "attributes": {}, "source": Source(resource=resource)}
    return RawLog(
        time_ns=time_ns, observed_ns=time_ns, severity=severity, severity_text="", event_name=event, body=body,
        **(given | rest),
    )  # fmt: skip


def texts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["text"] for one in answer.json()["results"]]


def test_every_filter_keeps_what_fits_and_newest_is_first(write: Callable[..., None], ask: Callable[..., Any]) -> None:
    trace, span = b"t" * 16, b"s" * 8
    write(
        record(
            "Payment FAILED for order 7", ago=10, severity=17, trace_id=trace, span_id=span, attributes={"code": 500}
        ),
        record("payment ok", ago=20, attributes={"code": "200"}, trace_id=trace),
        record("cache miss", ago=30, severity=13, service="cache", place="test"),
        record({"a": 1}, ago=40, event="app.started"),
        record("odd", ago=50, severity=0),
    )
    assert texts(ask("logs")) == ["Payment FAILED for order 7", "payment ok", "cache miss", '{"a":1}', "odd"]
    assert texts(ask("logs", severity="error")) == ["Payment FAILED for order 7"]
    assert texts(ask("logs", severity="warn")) == ["Payment FAILED for order 7", "cache miss"]
    assert texts(ask("logs", q="failed payment")) == ["Payment FAILED for order 7"]
    assert texts(ask("logs", q="payment", severity="info")) == ["Payment FAILED for order 7", "payment ok"]
    assert texts(ask("logs", service="cache", environment="test")) == ["cache miss"]
    assert texts(ask("logs", event="app.started")) == ['{"a":1}']
    assert texts(ask("logs", trace_id=trace.hex())) == ["Payment FAILED for order 7", "payment ok"]
    assert texts(ask("logs", trace_id=trace.hex(), span_id=span.hex())) == ["Payment FAILED for order 7"]
    assert texts(ask("logs", attribute=["code=500", "service.name=shop"])) == ["Payment FAILED for order 7"]
    assert texts(ask("logs", attribute="code=404")) == []
    assert texts(ask("logs", **{"from": "2026-03-02T12:00:05Z"})) == ["Payment FAILED for order 7", "payment ok"]


def test_a_record_carries_body_attributes_resource_and_correlation(
    write: Callable[..., None], ask: Callable[..., Any]
) -> None:
    write(record({"message": "hi", "n": [1]}, attributes={"k": "v"}, trace_id=b"t" * 16))
    (found,) = ask("logs").json()["results"]
    assert found["text"] == "hi"
    assert found["body"] == {"message": "hi", "n": [1]}
    assert found["attributes"] == {"k": "v"}
    assert found["resource"]["service.name"] == "shop"
    assert found["trace_id"] == (b"t" * 16).hex()
    assert found["time"] == "2026-03-02T11:59:30.000000Z"


def test_pages_walk_all_records_once_also_those_of_one_instant(
    write: Callable[..., None], ask: Callable[..., Any]
) -> None:
    write(*(record(f"n{number}", ago=60 + number // 4) for number in range(23)))
    answer = ask("logs", limit=5).json()
    seen = [one["id"] for one in answer["results"]]
    while answer["next"]:
        answer = ask("logs", limit=5, cursor=answer["next"].partition("cursor=")[2].partition("&")[0]).json()
        seen += [one["id"] for one in answer["results"]]
    assert len(seen) == len(set(seen)) == 23


def test_a_search_that_finds_nothing_stops_says_how_far_it_came_and_goes_on(
    write: Callable[..., None], ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(*(record(f"n{number}", ago=60 + number) for number in range(40)), record("needle", ago=200))
    monkeypatch.setattr(bounded, "SLICE_ROWS", 10)
    monkeypatch.setattr(logs, "SLICE_ROWS", 10)
    monkeypatch.setattr(logs, "ROWS_PER_REQUEST", 30)
    with CaptureQueriesContext(connection) as captured:
        answer = ask("logs", q="needle").json()
    assert answer["results"] == []
    assert answer["searched_back_to"] == "2026-03-02T11:59:01.000000Z"
    assert len([query for query in captured if "slice AS" in query["sql"]]) == 3
    cursor = answer["next"].partition("cursor=")[2].partition("&")[0]
    followed = ask("logs", q="needle", cursor=cursor)
    assert texts(followed) == ["needle"]
    assert followed.json()["next"] is None
    assert followed.json()["searched_back_to"] is None


def test_a_search_for_an_attribute_opens_so_many_records_and_then_stops(
    write: Callable[..., None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(*(record(f"n{number}", ago=60 + number, attributes={"n": number}) for number in range(30)))
    monkeypatch.setattr(logs, "OPENED_PER_REQUEST", 10)
    monkeypatch.setattr(logs, "OPENED_AT_ONCE", 5)
    chosen = LogFilter(attributes=(("n", "25"),))
    first = logs.page(project.pk, chosen)
    assert (first.logs, first.stopped_ns) == ([], ns(NOW - timedelta(seconds=69)))
    second = logs.page(project.pk, chosen, after=first.after)
    third = logs.page(project.pk, chosen, after=second.after)
    assert [log.body for log in third.logs] == ["n25"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"severity": "loud"}, "severity"), ({"trace_id": "zz"}, "trace_id"), ({"attribute": "nokey"}, "attribute"),
        ({"attribute": ["a=1"] * 6}, "attribute"), ({"q": "w " * 11}, "q"), ({"limit": "0"}, "limit"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_names_its_parameter(query: dict[str, Any], field: str, ask: Callable[..., Any]) -> None:
    answer = ask("logs", **query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_records_of_other_projects_are_never_found(other_project: Project, ask: Callable[..., Any]) -> None:
    write_to(other_project, record("theirs", severity=21, event="e", trace_id=b"t" * 16))
    for query in ({}, {"severity": "fatal"}, {"event": "e"}, {"trace_id": (b"t" * 16).hex()}, {"q": "theirs"}):
        assert texts(ask("logs", **query)) == []


def test_each_way_into_the_logs_reads_an_index_in_its_order(write: Callable[..., None], project: Project) -> None:
    """Else a search would sort everything before it can stop."""
    write(*(record(f"n{number}", ago=60 + number, severity=17, event="e", trace_id=b"t" * 16) for number in range(5)))
    ways = {
        "_pkey": LogFilter(),
        "_project_id_time_ns_id_idx": LogFilter(severity=17),
        "_event_name_time_ns_id_idx": LogFilter(event="e"),
        "_trace_id_time_ns_id_idx": LogFilter(trace_id=b"t" * 16),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    for index, chosen in ways.items():
        with CaptureQueriesContext(connection) as captured:
            assert len(logs.page(project.pk, chosen).logs) == 5
        (sql,) = [query["sql"] for query in captured if "slice AS" in query["sql"]]
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + sql)
            plan = "\n".join(row[0] for row in cursor.fetchall())
        scan = plan.partition("CTE slice")[2].partition("Subquery Scan")[0]
        assert index in scan, plan
        assert "Sort" not in scan, plan


def test_ids_are_digests_so_what_is_sent_again_is_one_record(write: Callable[..., None]) -> None:
    write(record("once"), record("once"))
    write(record("once"))
    assert Log.objects.count() == 1
