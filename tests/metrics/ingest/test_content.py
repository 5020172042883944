"""Content that came as log records of a span is its input and output."""

from metrics import wire
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch, RawLog, Source, Value
from metrics.models import Span, Trace
from metrics.selectors import details
from tests.metrics.ingest import payloads
from tests.metrics.ingest.captures import RECORDED, recordings
from tests.metrics.ingest.conftest import Sender

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Paris?"}]


def test_messages_of_log_records_become_the_input_and_output_of_their_spans(sender: Sender) -> None:
    for recording in recordings("otel-openai-v2-default"):
        assert sender.replay(recording).status == 200
    trace = Trace.objects.get(project_id=sender.project.pk, root_name="invoke_agent weather-agent")
    calls = Span.objects.filter(project_id=sender.project.pk, trace_id=bytes(trace.trace_id), kind="llm")
    first, second = details.of_spans(trace, list(calls.order_by("start_ns")))
    assert first.input == ASKED
    assert (first.output[0]["role"], first.output[0]["finish_reason"]) == ("assistant", "tool_calls")
    asked_for = first.output[0]["tool_calls"][0]["function"]
    assert asked_for == {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    assert [message["role"] for message in second.input] == ["system", "user", "assistant", "tool"]
    assert "Paris" in second.output[0]["content"]


def test_content_that_came_before_its_span_waits_for_it(sender: Sender) -> None:
    for recording in reversed(list(recordings("otel-openai-v2-default"))):
        assert sender.replay(recording).status == 200
    trace = Trace.objects.get(project_id=sender.project.pk, root_name="invoke_agent weather-agent")
    call = Span.objects.filter(project_id=sender.project.pk, kind="llm", status="ok").order_by("start_ns")[0]
    assert details.of_span(trace, call).input == ASKED


def test_messages_of_span_events_are_read_like_those_of_attributes(sender: Sender) -> None:
    for recording in recordings("strands"):
        assert sender.replay(recording).status == 200
    trace = Trace.objects.get(project_id=sender.project.pk, status="ok")
    call = Span.objects.filter(project_id=sender.project.pk, trace_id=bytes(trace.trace_id), kind="llm")[0]
    found = details.of_span(trace, call)
    assert found.input == [
        {"role": "system", "content": [{"text": "Be brief."}]},
        {"role": "user", "content": [{"text": "Weather in Paris?"}]},
    ]
    assert found.output[0]["content"][0]["toolUse"]["name"] == "get_weather"
    assert (found.events, call.finish_reason) == ([], "tool_call")


def test_why_a_call_stopped_or_failed_may_be_said_by_log_records_alone(sender: Sender) -> None:
    body = payloads.traces([payloads.model_call(1, 10), payloads.model_call(2, 10)], error=True)
    assert sender.post("/v1/traces", body).status == 200
    trace_id, span_id = (1).to_bytes(16, "big"), (1).to_bytes(8, "big")
    said: tuple[tuple[str, Value, dict[str, Value]], ...] = (
        ("gen_ai.choice", {"message": {"content": "hi"}, "finish_reason": "end_turn"}, {}),
        (
            "gen_ai.client.operation.exception",
            None,
            {"exception.type": "openai.RateLimitError", "exception.message": "429"},
        ),
    )
    records = [
        RawLog(payloads.NOW_NS, 0, trace_id, span_id, 9, "", name, value, attributes, Source())
        for name, value, attributes in said
    ]
    assert pipeline.store_logs(sender.project.pk, Batch(rows=records), RECORDED).refused == 0
    trace = Trace.objects.get(project_id=sender.project.pk)
    first, second = Span.objects.filter(project_id=sender.project.pk).order_by("span_id")
    shown = [
        wire.span(one, detail)
        for one, detail in zip((first, second), details.of_spans(trace, [first, second]), strict=True)
    ]
    assert [one["finish_reason"] for one in shown] == ["stop", None]
    assert [one["error"] for one in shown] == [
        {"type": "RateLimitError", "message": "429"},
        {"type": None, "message": ""},
    ]
