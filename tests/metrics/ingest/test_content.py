"""Content that came as log records of a span is its input and output."""

from metrics.models import Span, Trace
from metrics.selectors import details
from tests.metrics.ingest.captures import recordings
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
