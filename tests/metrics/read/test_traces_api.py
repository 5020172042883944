"""GET /api/v1/traces and /api/v1/traces/{id}: the contract's fields, every page once, other projects invisible."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.selectors import traces
from metrics.services.sessions import refresh
from metrics.trace_filter import TraceFilter
from tests.metrics.sending import NOW, Sending

Ask = Callable[..., Any]


def walk(ask: Ask, **query: Any) -> list[str]:
    found: list[str] = []
    answer = ask("traces", **query).json()
    while True:
        found += [row["trace_id"] for row in answer["results"]]
        if not answer["next"]:
            return found
        cursor = answer["next"].partition("cursor=")[2].partition("&")[0]
        answer = ask("traces", **query, cursor=cursor).json()


@pytest.mark.parametrize("sort", ["start", "duration", "cost", "tokens"])
def test_pages_show_every_trace_once_even_when_all_are_equal(sending: Sending, ask: Ask, sort: str) -> None:
    sending.send(sending.agent(ago=60, seconds=1) for _ in range(11))
    sending.send(sending.agent(ago=60 + index, seconds=index + 2) for index in range(3))
    found = walk(ask, sort=sort, limit=3)
    assert len(found) == len(set(found)) == 14


def test_pages_backwards_are_the_pages_forwards(sending: Sending, project: Project) -> None:
    sending.send(sending.agent(ago=60 + index // 4) for index in range(10))
    pages = [traces.page(project.pk, TraceFilter(), limit=4)]
    while pages[-1].after:
        pages.append(traces.page(project.pk, TraceFilter(), limit=4, after=pages[-1].after))
    assert [len(page.traces) for page in pages] == [4, 4, 2]
    back = traces.page(project.pk, TraceFilter(), limit=4, before=pages[2].before)
    assert [row.pk for row in back.traces] == [row.pk for row in pages[1].traces]
    first = traces.page(project.pk, TraceFilter(), limit=4, before=back.before)
    assert [row.pk for row in first.traces] == [row.pk for row in pages[0].traces]
    assert first.before is None


def test_filters_narrow_the_list(sending: Sending, ask: Ask) -> None:
    root = sending.agent("janitor", attributes={"session.id": "s1", "user.id": "u1", "tag.tags": ["beta"]}, seconds=9)
    sending.send([root, sending.call(root, model="gpt-4o", error="RateLimitError")])
    sending.send([sending.agent("helper", environment="staging", error="GaveUp")])
    janitor, helper = root.trace_id.hex(), walk(ask, agent="helper")[0]
    for name, value in (
        ("agent", "janitor"),
        ("model", "gpt-4o"),
        ("session_id", "s1"),
        ("user", "u1"),
        ("tag", "beta"),
        ("status", "ok"),
        ("name", "INVOKE_agent jan"),
        ("min_duration_ms", "5000"),
        ("min_cost_usd", "0.0001"),
    ):
        assert walk(ask, **{name: value}) == [janitor], name
    assert walk(ask, status="error") == [helper]
    assert walk(ask, environment="staging") == [helper]
    assert set(walk(ask, error="true")) == {janitor, helper}
    assert walk(ask, to="2026-03-02T11:00:00Z") == []


def test_a_trace_has_the_fields_of_the_contract(sending: Sending, ask: Ask) -> None:
    root = sending.agent(attributes={"gen_ai.agent.version": "7"})
    said = {"gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "hi"}]}]'}
    call = sending.call(root, attributes=said)
    failed = sending.span("fetch", trace=root.trace_id, parent=root.span_id, error="Timeout")
    sending.send([root, call, failed])
    body = ask(f"traces/{root.trace_id.hex()}").json()
    assert (body["name"], body["status"], body["error_count"], body["span_count"]) == (
        "invoke_agent helper",
        "ok",
        1,
        3,
    )
    assert (body["input_tokens"], body["output_tokens"], body["cache_read_tokens"]) == (1000, 100, None)
    assert (body["agents"], body["models"], body["cost_usd"]) == (["helper"], ["gpt-4o-mini"], "0.00021")
    spans = {span["name"]: span for span in body["spans"]}
    found = spans["chat gpt-4o-mini"]
    assert found["span_id"] == call.span_id.hex()
    assert found["parent_span_id"] == root.span_id.hex()
    assert (found["kind"], found["counted"], found["cost_source"]) == ("llm", True, "computed")
    assert found["output"][0]["parts"][0]["content"] == "hi"
    assert (found["agent"], found["agent_stated"], spans["invoke_agent helper"]["agent_stated"]) == (
        "helper",
        False,
        True,
    )
    assert spans["fetch"]["error"]["type"] == "Timeout"
    assert spans["invoke_agent helper"]["parent_span_id"] is None


def test_what_is_unpriced_has_no_cost_rather_than_none_at_all(sending: Sending, ask: Ask) -> None:
    sent = {"session.id": "s1", "gen_ai.agent.name": "helper", "gen_ai.agent.version": "1"}
    root = sending.agent(attributes=sent)
    sending.send([root, sending.call(root, model="nobody-knows-it")])
    refresh(now=NOW)
    (trace,) = ask("traces").json()["results"]
    (session,) = ask("sessions").json()["results"]
    (agent,) = ask("agents").json()["results"]
    for one in (trace, session, agent, ask("sessions/s1").json()["traces"][0]):
        assert (one["cost_usd"], one["unpriced_spans"]) == (None, 1)
    told = ask("agents/helper").json()
    assert (told["models"][0]["cost_usd"], told["versions"][0]["cost_per_request_usd"]["value"]) == (None, None)
    sending.send([sending.call(root)])
    body = ask(f"traces/{root.trace_id.hex()}").json()
    assert (body["cost_usd"], body["unpriced_spans"]) == ("0.00021", 1)
    assert ask("agents/helper").json()["versions"][0]["cost_per_request_usd"]["value"] == 0.00021


def test_a_trace_says_what_its_senders_reported_once(sending: Sending, ask: Ask) -> None:
    root = sending.agent()
    calls = [sending.call(root, attributes={"gen_ai.usage.cost": cost}) for cost in (0.5, 0.25)]
    sending.send([root, *calls])
    silent = sending.call()
    sending.send([silent])
    assert ask(f"traces/{root.trace_id.hex()}").json()["reported_cost_usd"] == "0.75"
    assert ask(f"traces/{silent.trace_id.hex()}").json()["reported_cost_usd"] is None
    assert "reported_cost_usd" not in ask("traces").json()["results"][0]  # it takes the spans to tell


def test_content_that_came_as_log_records_is_read_with_the_span(sending: Sending, ask: Ask) -> None:
    call = sending.call()
    sending.send([call])
    sending.log(call, event_name="gen_ai.user.message", body={"content": "How is the weather?"})
    sending.log(call, event_name="gen_ai.choice", body={"message": {"content": "Sunny."}}, after=0.2)
    with CaptureQueriesContext(connection) as queries:
        span = ask(f"traces/{call.trace_id.hex()}").json()["spans"][0]
    assert span["input"] == [{"role": "user", "content": "How is the weather?"}]
    assert span["output"][0]["content"] == "Sunny."
    assert sum("metrics_log" in query["sql"] for query in queries.captured_queries) == 1


def test_traces_of_other_projects_do_not_exist(sending: Sending, other_project: Project, ask: Ask) -> None:
    theirs = Sending(other_project)
    root = theirs.agent()
    theirs.send([root])
    assert walk(ask) == []
    for trace_id in (root.trace_id.hex(), "0" * 32, "not-a-trace", "ab", "ä" * 32):
        answer = ask(f"traces/{trace_id}")
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ({"status": "fine"}, 422, "status"),
        ({"sort": "mood"}, 422, "sort"),
        ({"limit": "0"}, 422, "limit"),
        ({"min_cost_usd": "-1"}, 422, "min_cost_usd"),
        ({"min_duration_ms": "NaN"}, 422, "min_duration_ms"),
        ({"error": "maybe"}, 422, "error"),
        ({"from": "x"}, 422, "from"),
        ({"cursor": "!!"}, 400, "cursor"),
        ({"cursor": "WzFd"}, 400, "cursor"),
        ({"cursor": "WyJjb3N0IiwxLCJhYiJd"}, 400, "cursor"),
    ],
)
def test_a_bad_parameter_is_named(ask: Ask, query: dict[str, str], status: int, parameter: str) -> None:
    answer = ask("traces", **query)
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [parameter]
