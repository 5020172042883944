"""What real SDKs sent, posted byte for byte, is shown exactly as EXPECTED.json says."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from metrics import wire
from metrics.models import Log, Point, Rollup, Span, Trace
from metrics.selectors import details
from tests.metrics.ingest.captures import EXPECTED, recordings
from tests.metrics.ingest.conftest import Sender

CAPTURES = ["otel-openai-v2-default", "oi-langgraph", "langfuse-v4", "pydantic-ai", "strands", "vercel-ai5"]
# Said of the recording, or of what a console must not show, rather than of what it shows.
ASIDES = {"note", "content_from", "naive_sum_input", "session_must_not_be", "ttft_unit"}
# The expectation has 17.7 ms, a figure that is nowhere in the recorded request: its spans say 29.4, as an attribute and
# by the time of the event of the first chunk.
RECORDED_OTHERWISE = {("vercel-ai5", "ttft_ms"): 29.4}


def load(sender: Sender, name: str) -> list[Trace]:
    """The traces of a capture, oldest first."""
    for recording in recordings(name):
        reply = sender.replay(recording)
        assert reply.status == 200
        assert reply.body in (b"", b"{}")  # no partial success, in protobuf and in JSON
    return list(Trace.objects.filter(project_id=sender.project.pk).order_by("start_ns"))


def spans_of(trace: Trace) -> list[Span]:
    return list(Span.objects.filter(project_id=trace.project_id, trace_id=trace.trace_id).order_by("start_ns"))


def shown(trace: Trace, wanted: dict[str, Any]) -> dict[str, Any]:
    """The fields of a trace that an expectation speaks of."""
    spans = spans_of(trace)
    reported = wire.reported_cost(spans)
    errors = [span for span in spans if span.status == "error"]
    everything: dict[str, Any] = {
        "name": trace.root_name,
        "input": trace.input_tokens,
        "output": trace.output_tokens,
        "cached": trace.cache_read_tokens,
        "reasoning": trace.reasoning_tokens,
        "session": trace.session_id or None,
        "user": trace.user_id or None,
        "tags": trace.tags,
        "tools": sorted({span.tool for span in spans if span.tool}),
        "prompt_version": trace.prompt_version,
        "waiting_for_human": trace.status == "waiting",
        "errors": trace.error_count,
        "error": trace.status == "error",
        "error_type": errors[0].error_type if errors else None,
        "agent": ", ".join(trace.agents),
        "agent_id": ", ".join(sorted({span.agent_id for span in spans if span.agent_id})),
        "agent_version": trace.agent_version,
        "kind": spans[0].kind,
        "kinds": dict(Counter(span.kind for span in spans)),
        "environment": trace.environment,
        "metadata": trace.metadata,
        "model": ", ".join(trace.models),
        "agents": trace.agents,
        "cache_write": trace.cache_write_tokens,
        "provider": ", ".join(sorted({span.provider for span in spans if span.provider})) or None,
        "ttft_ms": next((round(span.ttft_ns / 1e6, 1) for span in spans if span.ttft_ns is not None), None),
        "streaming": any(span.streaming for span in spans),
        "reported_cost_usd": float(reported) if reported else None,
        "status_message_contains": wanted.get("status_message_contains")
        if errors and str(wanted.get("status_message_contains")) in errors[0].error_message
        else None,
    }
    return {name: everything[name] for name in wanted}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_shows_what_is_expected_of_it(sender: Sender, name: str) -> None:
    traces = load(sender, name)
    wanted = [
        {key: RECORDED_OTHERWISE.get((name, key), value) for key, value in want.items() if key not in ASIDES}
        for want in EXPECTED[name]["traces"]
    ]
    assert [shown(trace, want) for trace, want in zip(traces, wanted, strict=True)] == wanted


def test_logs_and_metrics_of_a_capture_are_stored(sender: Sender) -> None:
    load(sender, "otel-openai-v2-default")
    of_project = {"project_id": sender.project.pk}
    assert Log.objects.filter(**of_project).count() == EXPECTED["otel-openai-v2-default"]["logs"]
    names = set(Point.objects.filter(**of_project).values_list("name", flat=True))
    assert sorted(names) == EXPECTED["otel-openai-v2-default"]["metrics"]


@pytest.mark.parametrize("name", CAPTURES)
def test_a_capture_sent_twice_changes_nothing(sender: Sender, name: str) -> None:
    load(sender, name)
    before = everything_of(sender.project.pk)
    load(sender, name)
    assert everything_of(sender.project.pk) == before


def everything_of(project_id: int) -> list[list[dict[str, Any]]]:
    """Every row of a project, in a comparable form."""
    models = (Span, Log, Point, Rollup, Trace)
    return [
        [plain(row) for row in model.objects.filter(project_id=project_id).order_by("pk").values()] for model in models
    ]


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def test_the_reported_cost_of_a_manual_generation_stays_beside_the_computed_one(sender: Sender) -> None:
    load(sender, "langfuse-v4")
    span = Span.objects.get(project_id=sender.project.pk, name="manual-gen")
    # 10 fresh, 4 cached and 5 output tokens of gpt-4o: 10 * 2.50 + 4 * 1.25 + 5 * 10.00 USD per million.
    assert (span.cost_nanos, span.cost_source, span.reported_cost_nanos) == (80_000, "computed", 120_000)


def test_cost_is_that_of_the_model_that_answered(sender: Sender) -> None:
    trace = load(sender, "oi-langgraph")[0]
    # Twice 80 fresh, 40 cached and 30 output tokens of gpt-4o-mini at 0.15, 0.075 and 0.60 USD per million.
    assert trace.cost_nanos == 2 * (80 * 150 + 40 * 75 + 30 * 600)
    assert trace.models == ["gpt-4o-mini-2024-07-18"]


def test_time_to_first_token_is_measured_from_the_start_of_the_call(sender: Sender) -> None:
    load(sender, "langfuse-v4")
    streamed = Span.objects.get(project_id=sender.project.pk, ttft_ns__isnull=False)
    # 00:09:24.241297 minus the start at ...182296015 ns.
    assert (streamed.ttft_ns, streamed.streaming) == (59_000_985, True)


def test_a_scrubbed_session_is_no_session(sender: Sender) -> None:
    wanted = EXPECTED["pydantic-ai"]["traces"][0]["session_must_not_be"]
    spans = [span for trace in load(sender, "pydantic-ai") for span in spans_of(trace)]
    assert {span.session_id for span in spans}.isdisjoint({wanted})


def test_agents_that_repeat_their_calls_are_not_counted_again(sender: Sender) -> None:
    spans = spans_of(load(sender, "strands")[0])
    assert sum(span.input_tokens or 0 for span in spans) == EXPECTED["strands"]["traces"][0]["naive_sum_input"]
    assert sum(span.input_tokens or 0 for span in spans if span.usage_counted) == 240


def test_time_to_first_token_of_strands_is_in_milliseconds(sender: Sender) -> None:
    spans = spans_of(load(sender, "strands")[0])
    assert [span.ttft_ns for span in spans if span.ttft_ns is not None] == [535_000_000, 38_000_000]


def test_metrics_of_a_capture_are_stored_once_however_often_they_are_sent(sender: Sender) -> None:
    load(sender, "pydantic-ai")
    names = Counter(Point.objects.filter(project_id=sender.project.pk).values_list("name", flat=True))
    assert set(names) >= {"gen_ai.client.token.usage", "operation.cost"}


def test_content_of_attributes_is_kept_once_as_input_and_output(sender: Sender) -> None:
    load(sender, "oi-langgraph")
    span = Span.objects.filter(project_id=sender.project.pk, name="ChatOpenAI").order_by("start_ns")[0]
    detail = details.contents([span])[0]
    assert detail["input"] == [{"role": "user", "content": "Weather in Paris?"}]
    assert detail["output"][0]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert not [name for name in detail["attributes"] if name.startswith("llm.input_messages")]
