"""The traps of real conventions, one test each."""

from typing import Any

import pytest

from metrics.ingest import content, normalise, packing, pricing
from metrics.ingest.reading import fold, parsed
from metrics.ingest.rows import RawEvent, RawSpan, Source, SpanRow, Usage

START = 1_795_219_776_000_000_000


def row(
    attributes: dict[str, Any],
    *,
    name: str = "step",
    events: tuple[RawEvent, ...] = (),
    status_code: int = 0,
    status_message: str = "",
    resource: dict[str, Any] | None = None,
    parent: bytes = b"",
) -> SpanRow:
    raw = RawSpan(
        trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=parent, name=name, start_ns=START, end_ns=START + 10**9,
        remote_parent=False, status_code=status_code, status_message=status_message, attributes=attributes,
        events=events, links=(), source=Source(resource or {}),
    )  # fmt: skip
    return normalise.span(raw)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "execute_event_loop_cycle"}, "chain"),
        ({"openinference.span.kind": "RERANKER"}, "reranker"),
        ({"openinference.span.kind": "UNKNOWN"}, "other"),
        ({"langfuse.observation.type": "generation"}, "llm"),
        ({"ai.operationId": "ai.streamText.doStream"}, "llm"),
        ({"ai.operationId": "ai.streamText"}, "agent"),
        ({"traceloop.span.kind": "workflow"}, "chain"),
        ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
        ({"gen_ai.tool.call.id": "call_1"}, "tool"),
        ({"model": "x", "gen_ai.usage.input_tokens": 3, "gen_ai.request.model": "x"}, "llm"),
        ({"http.request.method": "GET"}, "other"),
    ],
)
def test_kinds_of_every_convention(attributes: dict[str, Any], kind: str) -> None:
    assert row(attributes).kind == kind


@pytest.mark.parametrize(
    ("attributes", "usage"),
    [
        # inside the input figure
        ({"gen_ai.usage.input_tokens": 120, "gen_ai.usage.cache_read.input_tokens": 40}, Usage(120, None, 40)),
        # Langfuse's own keys exclude what was cached, OpenAI's raw usage in the same attribute includes it
        (
            {"langfuse.observation.usage_details": '{"input": 10, "output": 5, "input_cached_tokens": 4}'},
            Usage(14, 5, 4),
        ),
        (
            {
                "langfuse.observation.usage_details": '{"prompt_tokens": 120, "completion_tokens": 30,'
                ' "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens_details": {"reasoning_tokens": 7}}'
            },
            Usage(120, 30, 40, None, 7),
        ),
        # Claude Code excludes both
        (
            {"input_tokens": 5, "output_tokens": 2, "cache_read_tokens": 90, "cache_creation_tokens": 3},
            Usage(98, 2, 90, 3),
        ),
        # both spellings at once are one figure
        ({"gen_ai.usage.input_tokens": 7, "gen_ai.usage.prompt_tokens": 7, "llm.token_count.prompt": 7}, Usage(7)),
        # a present 0 is a value and stops the search
        ({"gen_ai.usage.input_tokens": 0, "gen_ai.usage.prompt_tokens": 9}, Usage(0)),
        # clamped at 0, text and floats read, NaN and truth values not
        ({"gen_ai.usage.input_tokens": -4, "gen_ai.usage.output_tokens": "12"}, Usage(0, 12)),
        ({"gen_ai.usage.input_tokens": "NaN", "gen_ai.usage.output_tokens": 3.0}, Usage(None, 3)),
        ({"gen_ai.usage.input_tokens": True, "gen_ai.usage.output_tokens": 1}, Usage(None, 1)),
        # the total stands in for a missing part only
        ({"gen_ai.usage.input_tokens": 10, "gen_ai.usage.total_tokens": 16}, Usage(10, 6)),
        (
            {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 1, "gen_ai.usage.total_tokens": 99},
            Usage(10, 1),
        ),
        # NaN inside JSON that Python wrote
        ({"langfuse.observation.usage_details": '{"input": NaN, "output": 5}'}, Usage(None, 5)),
        ({"ai.operationId": "ai.embed.doEmbed", "ai.usage.tokens": 9}, Usage(9)),
    ],
)
def test_usage_of_every_convention(attributes: dict[str, Any], usage: Usage) -> None:
    assert row(attributes).usage == usage


def test_placeholders_of_scrubbers_are_no_values() -> None:
    scrubbed = row({"gen_ai.conversation.id": "[Scrubbed due to 'session']", "session.id": "s-1"})
    assert scrubbed.session_id == "s-1"


def test_an_interrupt_is_waiting_even_when_the_span_says_error() -> None:
    event = RawEvent("exception", START, {"exception.type": "langgraph.errors.GraphInterrupt"})
    assert row({}, events=(event,)).status == "waiting"
    assert row({}, events=(event,), status_code=2).status == "waiting"


def test_an_exception_that_was_handled_is_no_error() -> None:
    assert row({}, events=(RawEvent("exception", START, {"exception.type": "ValueError"}),)).status == "ok"


def test_errors_say_their_type_and_sentence_rather_than_the_traceback() -> None:
    event = RawEvent("exception", START, {"exception.type": "openai.RateLimitError", "exception.message": "429"})
    failed = row({}, events=(event,), status_code=2, status_message="Traceback (most recent call last): ...")
    assert (failed.status, failed.error_type, failed.error_message) == ("error", "RateLimitError", "429")
    assert row({"langfuse.observation.level": "ERROR"}).status == "error"
    assert row({"logfire.level_num": 17}).status == "error"


def test_previews_of_running_spans_are_no_spans() -> None:
    from metrics.ingest.rows import Batch

    raw = RawSpan(
        b"t" * 16,
        b"s" * 8,
        b"",
        "x",
        START,
        START,
        False,
        0,
        "",
        {"logfire.span_type": "pending_span"},
        (),
        (),
        Source(),
    )
    batch = normalise.spans(Batch(rows=[raw]), normalise.Window(0, 2**63 - 1))
    assert (batch.rows, batch.refused.total()) == ([], 0)


@pytest.mark.parametrize(
    ("given", "provider"),
    [
        ({"gen_ai.system": "openai"}, "openai"),
        ({"gen_ai.system": "strands-agents"}, ""),
        ({"gen_ai.system": "langchain", "gen_ai.request.model": "anthropic/claude-3-5-haiku"}, "anthropic"),
        ({"gen_ai.system": "fake.chat", "ai.model.provider": "fake.chat"}, "fake"),
        ({"server.address": "api.openai.com"}, "openai"),
    ],
)
def test_providers_are_not_frameworks(given: dict[str, Any], provider: str) -> None:
    assert row(given).provider == provider


def test_a_service_without_a_name_has_none() -> None:
    assert row({}, resource={"service.name": "unknown_service:python"}).service == ""


@pytest.mark.parametrize("reason", ["tool_calls", "tool-calls", "tool_use"])
def test_finish_reasons_fold_into_one_spelling(reason: str) -> None:
    assert row({"gen_ai.response.finish_reasons": [reason]}).finish_reason == "tool_call"


def test_flattened_lists_close_their_gaps() -> None:
    pairs = iter([("7.role", "user"), ("2.role", "system"), ("7.content", "hi")])
    assert fold(pairs) == [{"role": "system"}, {"role": "user", "content": "hi"}]


def test_flattened_lists_with_strange_indexes_lose_nothing() -> None:
    assert fold(iter([("007.role", "user"), ("01.role", "system")])) == [{"role": "system"}, {"role": "user"}]
    assert fold(iter([("²", "a"), ("٣", "b"), ("0", "c")])) == {"²": "a", "٣": "b", "0": "c"}


def test_json_that_was_encoded_twice_is_read() -> None:
    assert parsed('"{\\"a\\": 1}"') == {"a": 1}
    assert parsed("[not json") == "[not json"


def test_content_in_span_events_becomes_input_and_output() -> None:
    events = (
        RawEvent("gen_ai.user.message", START, {"content": '[{"text": "hi"}]'}),
        RawEvent("gen_ai.choice", START, {"message": "hello", "finish_reason": "end_turn"}),
    )
    made = row({"gen_ai.operation.name": "chat"}, events=events)
    found = content.read(packing.content(made.detail))
    assert found.input == [{"role": "user", "content": [{"text": "hi"}]}]
    assert found.output == [{"role": "assistant", "finish_reason": "end_turn", "content": "hello"}]
    assert (found.events, made.finish_reason) == ([], "stop")


def test_content_of_the_details_event_becomes_input_and_output() -> None:
    record = content.Record(
        content.DETAILS,
        {"gen_ai.input.messages": '[{"role": "user"}]', "gen_ai.output.messages": [{"role": "assistant"}]},
    )
    found = content.of_records([record])
    assert (found.input, found.output) == ([{"role": "user"}], [{"role": "assistant"}])


def test_unknown_models_are_unpriced_and_never_free() -> None:
    price = row({"gen_ai.request.model": "house-model", "gen_ai.usage.input_tokens": 5}).price
    assert (price.nanos, price.source) == (None, "unpriced")
    reported = row(
        {"gen_ai.request.model": "house-model", "gen_ai.usage.input_tokens": 5, "gen_ai.usage.cost": "0.25"}
    ).price
    assert (reported.nanos, reported.source) == (250_000_000, "reported")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o"),
        ("", "openai/gpt-4o"),
        ("openai", "openai/gpt-4o"),
        ("my-gateway", "gpt-4o"),
        ("azure", "gpt-4o"),
    ],
)
def test_models_are_found_through_prefixes_and_gateways(provider: str, model: str) -> None:
    price = pricing.price(Usage(1_000, 100), provider=provider, models=(model, ""), start_ns=START, reported=None)
    assert (price.nanos, price.source) == (1_000 * 2_500 + 100 * 10_000, "computed")
    assert price.version.startswith("genai-prices ")


def test_more_cached_tokens_than_input_cost_no_less_than_nothing() -> None:
    usage = Usage(10, 0, cache_read_tokens=50, cache_write_tokens=50)
    price = pricing.price(usage, provider="openai", models=("gpt-4o", ""), start_ns=START, reported=None)
    assert price.nanos == 10 * 1_250


def test_the_quick_price_is_the_library_s_price() -> None:
    from genai_prices import Usage as LibraryUsage
    from genai_prices import calc_price

    for provider, model in (
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("google", "gemini-1.5-pro"),
        ("openai", "o3"),
    ):
        usage = Usage(150_001, 777, 40_000, 3_000, 100)
        library = calc_price(
            LibraryUsage(input_tokens=150_001, output_tokens=777, cache_read_tokens=40_000, cache_write_tokens=3_000),
            model,
            provider_id=provider,
        )
        ours = pricing.price(usage, provider=provider, models=(model, ""), start_ns=START, reported=None)
        assert ours.nanos == round(library.total_price * 10**9)
