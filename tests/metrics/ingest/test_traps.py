"""What real telemetry does that a reader of the conventions does not expect, one test each."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from metrics.ingest import content, normalise, otlp, packing, plans, vectors
from metrics.ingest.rows import Batch, RawEvent, RawSpan, Source, SpanRow
from tests.metrics.ingest.test_normalising import START, row

HTTPX = "opentelemetry.instrumentation.httpx"
GET = {"http.request.method": "GET", "server.address": "api.openai.com", "http.response.status_code": 200}


def of_scope(name: str, attributes: dict[str, Any], *, kind: int = 3, parent: bytes = b"") -> SpanRow:
    raw = RawSpan(
        b"t" * 16, b"s" * 8, parent, "GET", START, START + 1, False, 0, "", attributes, (), (),
        Source(scope_name=name), kind,
    )  # fmt: skip
    return normalise.span(raw)


@pytest.mark.parametrize(
    "key", ["session.id", "user.id", "gen_ai.agent.name", "gen_ai.request.model", "gen_ai.prompt.name", "error.type"]
)
def test_what_a_scrubber_left_is_no_value_of_any_field(key: str) -> None:
    made = row({"gen_ai.operation.name": "invoke_agent", key: "[Scrubbed due to 'password']"}, status_code=2)
    columns = replace(made, detail=b"", name="")
    assert "Scrubbed" not in repr(columns)


def test_scrubbed_content_is_no_content() -> None:
    made = row(
        {"input.value": "[Scrubbed due to 'auth']", "prompt": "hi", "langfuse.trace.tags": "[Scrubbed due to 'x']"}
    )
    assert content.read(packing.content(made.detail)).input == "hi"
    assert made.tags == ()


@pytest.mark.parametrize("name", ["GraphInterrupt", "langgraph.errors.NodeInterrupt", "GraphBubbleUp"])
def test_interrupts_that_only_the_status_tells_of_are_waiting(name: str) -> None:
    made = row({}, status_code=2, status_message=f"{name}((Interrupt(value='approve?'),))")
    assert (made.status, made.error_type, made.error_message) == ("waiting", "", "")


@pytest.mark.parametrize(
    ("message", "error_type"),
    [
        ("openai.RateLimitError: Error code: 429", "RateLimitError"),
        ("RuntimeError: model down", "RuntimeError"),
        ("KeyError('city')", "KeyError"),
        ("TimeoutError", "TimeoutError"),
        ("the model said no: try later", ""),
        ("Error", ""),
        ("https://example.com: refused", ""),
    ],
)
def test_a_type_that_only_the_message_tells(message: str, error_type: str) -> None:
    assert row({}, status_code=2, status_message=message).error_type == error_type


def test_calls_of_http_clients_are_noise_and_no_requests() -> None:
    made = of_scope(HTTPX, GET)
    assert (made.noise, made.kind, made.entry, made.provider) == (True, "other", False, "")


def test_an_http_client_that_sends_usage_is_still_no_model_call() -> None:
    made = of_scope(HTTPX, {**GET, "model": "gpt-4o", "input_tokens": 3})
    assert (made.noise, made.kind) == (True, "other")


def test_a_server_s_span_of_the_same_instrumentation_is_a_request() -> None:
    made = of_scope("@opentelemetry/instrumentation-http", GET, kind=2)
    assert (made.noise, made.entry) == (False, True)


def test_an_instrumentation_of_http_that_says_what_the_call_was_is_no_noise() -> None:
    made = of_scope("opentelemetry.instrumentation.botocore", {"gen_ai.operation.name": "chat"})
    assert (made.noise, made.kind, made.entry) == (False, "llm", True)


def test_usage_of_agents_under_names_of_their_own_is_not_read() -> None:
    assert row({"gen_ai.operation.name": "invoke_agent", "gen_ai.aggregated_usage.input_tokens": 240}).usage == (
        None, None, None, None, None,
    )  # fmt: skip


def test_a_provider_before_the_model_names_both() -> None:
    made = row({"gen_ai.request.model": "openai/gpt-4o", "gen_ai.usage.input_tokens": 10})
    assert (made.provider, made.price.nanos, made.kind) == ("openai", 25_000, "llm")


def test_content_that_was_encoded_twice_is_read() -> None:
    twice = orjson.dumps(orjson.dumps([{"role": "user", "content": "hi"}]).decode()).decode()
    made = row({"input.value": twice})
    assert content.read(packing.content(made.detail)).input == [{"role": "user", "content": "hi"}]


def test_content_with_nan_that_python_wrote_is_read() -> None:
    made = row({"input.value": '{"score": NaN, "far": -Infinity}'})
    assert content.read(packing.content(made.detail)).input == {"score": "NaN", "far": "-Infinity"}


@pytest.mark.parametrize("text", ['{"half": "\\ud800"}', "{not json", '["cut off', "[" * 3_000 + "]" * 3_000])
def test_what_looks_like_json_and_is_none_stays_text(text: str) -> None:
    made = row({"input.value": text, "langfuse.observation.usage_details": text, "metadata": text})
    assert content.read(packing.content(made.detail)).input == text


def test_vectors_keep_their_first_numbers_and_their_length() -> None:
    vector = [n / 10 for n in range(1_536)]
    text = orjson.dumps([vector, vector]).decode()
    made = row({
        "gen_ai.operation.name": "embeddings", "embedding.embeddings.0.embedding.vector": vector, "mine": vector,
        "ai.embeddings": [text], "output.value": text, "few": [1, 2, 3], "words": ["a"] * 100,
    })  # fmt: skip
    kept = packing.content(made.detail)
    short = [*vector[: vectors.KEPT], "... 1536 numbers"]
    assert kept["attributes"]["embedding.embeddings.0.embedding.vector"] == short
    assert (kept["attributes"]["mine"], kept["attributes"]["few"]) == (short, [1, 2, 3])
    assert len(kept["attributes"]["words"]) == 100
    assert content.read(kept).output == [short, short]
    assert len(made.detail) < 1_500


def test_the_event_that_says_the_same_as_the_attributes_is_shown_once() -> None:
    event = RawEvent("gen_ai.user.message", START, {"content": "hi"})
    made = row({"gen_ai.input.messages": '[{"role": "user", "content": "hi"}]'}, events=(event,))
    found = content.read(packing.content(made.detail))
    assert (found.input, found.events) == ([{"role": "user", "content": "hi"}], [])


def test_log_records_fill_what_a_span_does_not_say_and_repeat_nothing() -> None:
    made = row({"gen_ai.output.messages": '[{"role": "assistant", "content": "a"}]', "gen_ai.operation.name": "chat"})
    records = [
        content.Record("gen_ai.user.message", {}, {"content": "hi"}),
        content.Record("gen_ai.choice", {}, {"message": {"content": "b"}, "finish_reason": "tool_calls"}),
    ]
    found = content.read(packing.content(made.detail), records)
    assert found.input == [{"role": "user", "content": "hi"}]
    assert found.output == [{"role": "assistant", "content": "a"}]


def test_the_finish_reason_of_a_log_record() -> None:
    choice = content.Record("gen_ai.choice", {}, {"message": {"content": "b"}, "finish_reason": "tool_calls"})
    assert content.finish_reason(content.of_records([choice]).output) == "tool_calls"


def test_ids_in_base64_and_nanoseconds_as_text() -> None:
    span = {"traceId": "MDEyMzQ1Njc4OWFiY2RlZg==", "spanId": "MDEyMzQ1Njc=", "name": "x", "kind": "SPAN_KIND_CLIENT",
            "startTimeUnixNano": "1795219776013470752", "endTimeUnixNano": 1795219776013470753}  # fmt: skip
    body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    raw = otlp.spans(body, json=True).rows[0]
    assert (raw.trace_id, raw.span_id, raw.kind) == (b"0123456789abcdef", b"01234567", 3)
    assert (raw.start_ns, raw.end_ns) == (1795219776013470752, 1795219776013470753)


def test_ever_new_shapes_of_spans_fill_no_memory() -> None:
    for number in range(plans.MOST_PLANS + 50):
        row({f"key.{number}": "x"})
    row({f"key.{number}": "x" for number in range(plans.MOST_NAMES + 1)})
    row({"k" * (plans.MOST_NAME_CHARS + 1): "x"})
    assert len(plans._plans) <= plans.MOST_PLANS
    assert all(len(names) <= plans.MOST_NAMES for _, names in plans._plans)


def test_spans_of_one_shape_do_not_see_each_other_s_values() -> None:
    first, second = row({"user.id": "a", "session.id": ""}), row({"user.id": "", "session.id": "b"})
    assert (first.user_id, first.session_id, second.user_id, second.session_id) == ("a", "", "", "b")


def test_the_team_of_a_resource() -> None:
    assert row({}, resource={"service.namespace": "payments"}).team == "payments"
    assert row({"team": "search"}, resource={"service.namespace": "payments"}).team == "search"


def test_a_batch_of_several_sources_keeps_them_apart() -> None:
    sources = [Source({"service.name": name}) for name in ("a", "b")]
    raws = [
        RawSpan(b"t" * 16, bytes([n + 1] * 8), b"", "x", START, START, False, 0, "", {}, (), (), sources[n % 2])
        for n in range(4)
    ]
    rows = normalise.spans(Batch(rows=raws), normalise.Window(0, 2**63 - 1)).rows
    assert [one.service for one in rows] == ["a", "b", "a", "b"]
