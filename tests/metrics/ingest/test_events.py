"""The plain JSON batch: the same rows as from OTLP, every wrong field named, all or nothing."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from metrics.ingest import limits
from metrics.ingest.events import time_ns
from metrics.models import Heartbeat, Point, Rollup, Span, Trace
from metrics.services import partitions
from tests.metrics.ingest.captures import RECORDED
from tests.metrics.ingest.conftest import Sender

IDS = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
SPAN: dict[str, Any] = IDS | {
    "name": "chat gpt-4o",
    "kind": "llm",
    "start": "2026-11-21T01:00:00.123456789Z",
    "end": "2026-11-21T02:00:01+01:00",
    "model": "gpt-4o",
    "provider": "openai",
    "agent": "support",
    "agent_version": "7",
    "session_id": "s-1",
    "user_id": "u-1",
    "environment": "staging",
    "input_tokens": 100,
    "cache_read_tokens": 40,
    "output_tokens": 10,
    "time_to_first_token_ms": 12.5,
    "finish_reason": "stop",
    "tags": ["beta"],
    "metadata": {"tenant": "acme"},
    "prompt": {"name": "greeting", "version": "3"},
    "input": [{"role": "user", "content": "hi"}],
    "attributes": {"shop": "north"},
}


@pytest.fixture
def post(sender: Sender) -> Any:
    """Posts a document to /api/v1/events with the sender's key."""

    def send(document: Any, **headers: str) -> Any:
        return Client().post(
            "/api/v1/events",
            document,
            content_type="application/json",
            headers={"authorization": f"Bearer {sender.key}"} | headers,
        )

    return send


def test_a_batch_is_stored_like_any_telemetry(sender: Sender, post: Any) -> None:
    reply = post({"spans": [SPAN]})
    assert (reply.status_code, reply.json()) == (200, {"accepted": {"spans": 1, "metrics": 0, "heartbeats": 0}})
    found = Span.objects.get(project_id=sender.project.pk)
    start_ns = int(datetime.fromisoformat("2026-11-21T01:00:00+00:00").timestamp()) * 10**9 + 123_456_789
    assert (found.start_ns, found.duration_ns) == (start_ns, 10**9 - 123_456_789)
    assert (found.kind, found.model, found.agent, found.ttft_ns) == ("llm", "gpt-4o", "support", 12_500_000)
    assert found.cost_nanos == 60 * 2_500 + 40 * 1_250 + 10 * 10_000
    trace = Trace.objects.get(project_id=sender.project.pk)
    assert (trace.session_id, trace.user_id, trace.environment, trace.tags) == ("s-1", "u-1", "staging", ["beta"])
    assert (trace.metadata, trace.prompt_name, trace.prompt_version) == ({"tenant": "acme"}, "greeting", "3")
    assert Rollup.objects.get(project_id=sender.project.pk).input_tokens == 100


def test_a_batch_sent_twice_changes_nothing(sender: Sender, post: Any) -> None:
    for _ in range(2):
        assert post({"spans": [SPAN, SPAN]}).status_code == 200
    assert Trace.objects.get(project_id=sender.project.pk).span_count == 1


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"error": {"type": "Timeout", "message": "too slow"}}, "error", ("Timeout", "too slow")),
        ({"error": "broken"}, "error", ("", "broken")),
        ({"status": "error"}, "error", ("", "")),
        ({"status": "waiting"}, "waiting", ("", "")),
        ({}, "ok", ("", "")),
    ],
)
def test_status_and_error(sender: Sender, post: Any, given: dict[str, Any], status: str, error: Any) -> None:
    assert post({"spans": [SPAN | given]}).status_code == 200
    found = Span.objects.get(project_id=sender.project.pk)
    assert (found.status, (found.error_type, found.error_message)) == (status, error)


def test_metrics_and_heartbeats_are_kept(sender: Sender, post: Any) -> None:
    beats = [
        {"agent": "support", "status": "ok", "components": {"crm": "ok"}, "time": "2026-11-21T01:00:00Z"},
        {"agent": "support", "status": "degraded", "circuit_breakers": {"crm": "open"}, "time": "2026-11-21T01:30:00Z"},
        {"agent": "cleanup", "status": "ok"},
    ]
    reply = post({"metrics": [{"name": "depth", "value": 3, "tags": {"queue": "mail"}}], "heartbeats": beats})
    assert reply.status_code == 200
    point = Point.objects.get(project_id=sender.project.pk)
    assert (point.value, point.kind, point.attributes) == (3.0, "gauge", {"queue": "mail"})
    post({"heartbeats": beats[:1]})
    latest = {beat.agent: beat for beat in Heartbeat.objects.filter(project=sender.project)}
    assert latest["support"].status == "degraded"
    assert latest["support"].circuit_breakers == {"crm": "open"}
    assert latest["cleanup"].at.isoformat() == "2026-11-21T02:00:00+00:00"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "body"),
        ({"span": []}, "span"),
        ({"spans": {}}, "spans"),
        ({"spans": [SPAN, 7]}, "spans[1]"),
        ({"spans": [SPAN, {**SPAN, "trace_id": None}]}, "spans[1].trace_id"),
        ({"spans": [{**SPAN, "span_id": "00" * 8}]}, "spans[0].span_id"),
        ({"spans": [{**SPAN, "start": "yesterday"}]}, "spans[0].start"),
        ({"spans": [{**SPAN, "start": "2026-11-21T01:00:00"}]}, "spans[0].start"),
        ({"spans": [{**SPAN, "start": "2020-01-01T00:00:00Z"}]}, "spans[0].start"),
        ({"spans": [{**SPAN, "end": "2026-11-20T01:00:00Z"}]}, "spans[0].end"),
        ({"spans": [{**SPAN, "end": "2027-11-20T01:00:00Z"}]}, "spans[0].end"),
        ({"spans": [{key: value for key, value in SPAN.items() if key != "end"}]}, "spans[0].end"),
        ({"spans": [{**SPAN, "kind": "robot"}]}, "spans[0].kind"),
        ({"spans": [{**SPAN, "input_tokens": -1}]}, "spans[0].input_tokens"),
        ({"spans": [{**SPAN, "cost_usd": "free"}]}, "spans[0].cost_usd"),
        ({"spans": [{**SPAN, "error": 5}]}, "spans[0].error"),
        ({"spans": [{**SPAN, "error": {"type": 5}}]}, "spans[0].error.type"),
        ({"spans": [{**SPAN, "tags": "beta"}]}, "spans[0].tags"),
        ({"spans": [{**SPAN, "attributes": []}]}, "spans[0].attributes"),
        ({"spans": [{**SPAN, "name": "x" * 256}]}, "spans[0].name"),
        ({"metrics": [{"name": "depth"}]}, "metrics[0].value"),
        ({"metrics": [{"name": "depth", "value": True}]}, "metrics[0].value"),
        ({"heartbeats": [{"status": "ok"}]}, "heartbeats[0].agent"),
    ],
)
def test_one_wrong_field_refuses_the_batch_by_name(sender: Sender, post: Any, document: Any, field: str) -> None:
    if isinstance(document, dict):
        document = {"metrics": [{"name": "depth", "value": 1}]} | document
    reply = post(document)
    assert (reply.status_code, reply["content-type"]) == (422, "application/problem+json")
    assert field in [error["field"] for error in reply.json()["errors"]]
    assert not Span.objects.filter(project_id=sender.project.pk).exists()
    assert not Point.objects.filter(project_id=sender.project.pk).exists()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"spans": [{**SPAN, "metadata": {"a": "DEEP"}}]}, "spans[0].metadata"),
        ({"spans": [{**SPAN, "input": "DEEP"}]}, "spans[0].input"),
        ({"metrics": [{"name": "depth", "value": 1, "tags": {"a": "DEEP"}}]}, "metrics[0].tags"),
        ({"heartbeats": [{"agent": "a", "status": "ok", "components": "DEEP"}]}, "heartbeats[0].components"),
    ],
)
def test_deep_nesting_is_refused_by_name(sender: Sender, post: Any, document: Any, field: str) -> None:
    deep = "[" * 300 + "]" * 300
    reply = post(json.dumps(document).replace('"DEEP"', deep))
    assert reply.status_code == 422
    assert [error["field"] for error in reply.json()["errors"]] == [field]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once"}])
def test_a_day_that_another_process_dropped_is_made_again(sender: Sender, post: Any, headers: dict[str, str]) -> None:
    post({"spans": [SPAN]})
    partitions.drop_before(RECORDED + timedelta(days=400), keep_days=1)
    name = str(connection.settings_dict["NAME"])
    day = partitions.EPOCH.toordinal()
    partitions._known.update((name, table, RECORDED.toordinal() - day) for table in partitions.TABLES)
    points = [{"name": "depth", "value": 3}]
    assert post({"spans": [{**SPAN, "span_id": "11" * 8}], "metrics": points}, **headers).status_code == 200
    assert Span.objects.filter(project_id=sender.project.pk).count() == 1
    assert Point.objects.filter(project_id=sender.project.pk).count() == 1


def test_a_batch_that_overfills_a_trace_is_refused_whole(
    sender: Sender, post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_SPANS_PER_TRACE", 2)
    reply = post({"spans": [{**SPAN, "span_id": f"{number:016x}"} for number in (1, 2, 3)]})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "spans")
    assert not Span.objects.filter(project_id=sender.project.pk).exists()


def test_without_a_key_or_its_scope_nothing_is_taken(sender: Sender, post: Any) -> None:
    assert post({"spans": [SPAN]}, authorization="").status_code == 401
    assert not Span.objects.filter(project_id=sender.project.pk).exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T01:00:00.5+01:00", 5 * 10**8),
        (1_795_219_776_013_470_752, 1_795_219_776_013_470_752),
        ("1795219776013470752", 1_795_219_776_013_470_752),
        ("1970-01-01T00:00:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("2026-02-30T00:00:00Z", None),
        (True, None),
        (1.5, None),
        (2**63, None),
    ],
)
def test_times_are_rfc_3339_or_nanoseconds(text: Any, expected: int | None) -> None:
    assert time_ns(text) == expected
