"""Content that came as log records of a span is its input and output."""

from metrics.models import Span
from metrics.selectors.content import span_content
from tests.metrics.ingest.captures import recordings
from tests.metrics.ingest.conftest import Sender


def test_messages_of_log_records_become_the_input_and_output_of_their_spans(sender: Sender) -> None:
    for recording in recordings("otel-openai-v2-default"):
        sender.replay(recording)
    calls = list(
        Span.objects.filter(project_id=sender.project.pk, name="chat gpt-4o-mini", status="ok").order_by("start_ns")
    )
    found = span_content(project_id=sender.project.pk, spans=calls)
    first, second = (found[bytes(call.span_id)] for call in calls)
    assert first.input == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Paris?"}]
    assert isinstance(first.output, list)
    asked = first.output[0]
    assert isinstance(asked, dict)
    assert (asked["role"], asked["finish_reason"]) == ("assistant", "tool_calls")
    assert isinstance(second.input, list)
    assert [message["role"] for message in second.input if isinstance(message, dict)] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]


def test_content_of_attributes_needs_no_log_records(sender: Sender) -> None:
    for recording in recordings("langfuse-v4"):
        sender.replay(recording)
    span = Span.objects.get(project_id=sender.project.pk, name="manual-gen")
    content = span_content(project_id=sender.project.pk, spans=[span])[bytes(span.span_id)]
    assert (content.input, content.output) == ([{"role": "user", "content": "hi"}], "hello")


def test_nothing_is_known_of_no_spans(sender: Sender) -> None:
    assert span_content(project_id=sender.project.pk, spans=[]) == {}
