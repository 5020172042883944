"""The cells about content, tags, times and outcomes of the table of conventions, each alone in a span."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from metrics.ingest import content, packing
from metrics.ingest.rows import RawEvent, SpanRow
from tests.metrics.ingest.test_normalising import START, row

LLM = {"gen_ai.operation.name": "chat"}
TOOL = {"gen_ai.operation.name": "execute_tool"}

# --- content ------------------------------------------------------------------------------------------------------

SAID = '[{"role": "user", "content": "x"}]'
MESSAGES = [{"role": "user", "content": "x"}]


def _said(keys: str) -> Mapping[str, Any]:
    return dict.fromkeys(keys.split(), SAID)


INPUTS: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    (LLM, _said("""
            gen_ai.input.messages gen_ai.prompt traceloop.entity.input input.value
            langfuse.observation.input langfuse.trace.input ai.prompt.messages ai.prompt ai.value
            ai.values pydantic_ai.all_messages mlflow.spanInputs gcp.vertex.agent.llm_request user_prompt
            prompt events input
    """)),
    (LLM, {"gen_ai.prompt.": "", "llm.input_messages.": "message."}),
    (TOOL, _said("""
            gen_ai.tool.call.arguments traceloop.entity.input input.value langfuse.observation.input
            ai.toolCall.args tool_arguments gcp.vertex.agent.tool_call_args tool_input
    """)),
]  # fmt: skip
OUTPUTS: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [
    (LLM, _said("""
            gen_ai.output.messages gen_ai.completion traceloop.entity.output output.value
            langfuse.observation.output langfuse.trace.output ai.response.text ai.response.object
            ai.response.toolCalls ai.result.text ai.result.object ai.result.toolCalls final_result
            mlflow.spanOutputs gcp.vertex.agent.llm_response response.model_output
    """)),
    (LLM, {"gen_ai.completion.": "", "llm.output_messages.": "message."}),
    (TOOL, _said("""
            gen_ai.tool.call.result traceloop.entity.output output.value langfuse.observation.output
            ai.toolCall.result tool_response gcp.vertex.agent.tool_response
    """)),
]  # fmt: skip


def content_cells(table: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Iterator[Any]:
    for base, keys in table:
        for key, value in keys.items():
            attributes = (
                {key: value} if value == SAID else {f"{key}4.{value}role": "user", f"{key}4.{value}content": "x"}
            )
            yield pytest.param({**base, **attributes}, id=f"{next(iter(base.values()))}-{key}")


def shown(made: SpanRow) -> content.Content:
    return content.read(packing.content(made.detail))


@pytest.mark.parametrize("attributes", list(content_cells(INPUTS)))
def test_input(attributes: dict[str, Any]) -> None:
    assert shown(row(attributes)).input == MESSAGES
    kept = packing.content(row(attributes).detail)["attributes"]
    assert kept == {"gen_ai.operation.name": attributes["gen_ai.operation.name"]}  # content is kept once


@pytest.mark.parametrize("attributes", list(content_cells(OUTPUTS)))
def test_output(attributes: dict[str, Any]) -> None:
    assert shown(row(attributes)).output == MESSAGES


def test_system_instructions_come_first() -> None:
    found = shown(row({"gen_ai.system_instructions": '[{"content": "Be brief."}]', "gen_ai.input.messages": SAID}))
    assert found.input == [{"role": "system", "parts": [{"content": "Be brief."}]}, *MESSAGES]


@pytest.mark.parametrize(
    ("name", "attributes", "input_", "output"),
    [
        ("gen_ai.client.inference.operation.details", {"gen_ai.input.messages": SAID}, MESSAGES, None),
        ("gen_ai.client.inference.operation.details", {"gen_ai.output.messages": SAID}, None, MESSAGES),
        ("gen_ai.system.message", {"content": "x"}, [{"role": "system", "content": "x"}], None),
        ("gen_ai.user.message", {"content": "x"}, [{"role": "user", "content": "x"}], None),
        ("gen_ai.assistant.message", {"content": "x"}, [{"role": "assistant", "content": "x"}], None),
        ("gen_ai.tool.message", {"content": "x"}, [{"role": "tool", "content": "x"}], None),
        ("gen_ai.choice", {"message": "x"}, None, [{"role": "assistant", "content": "x"}]),
        ("gen_ai.content.prompt", {"gen_ai.prompt": SAID}, MESSAGES, None),
        ("gen_ai.content.completion", {"gen_ai.completion": SAID}, None, MESSAGES),
        ("tool.output", {"output": "x"}, None, {"output": "x"}),
    ],
)
def test_content_of_events(name: str, attributes: dict[str, Any], input_: Any, output: Any) -> None:
    found = shown(row(LLM, events=(RawEvent(name, START, attributes),)))
    assert (found.input, found.output, found.events) == (input_, output, [])


# --- the rest -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        {"tag.tags": ["a", "b"]}, {"langfuse.trace.tags": ["a", "b"]}, {"ai.telemetry.metadata.tags": ["a", "b"]},
        {"logfire.tags": ["a", "b"]}, {"tags": ["a", "b"]}, {"tags": '["a", "b"]'}, {"langsmith.span.tags": "a, b"},
        {"traceloop.association.properties.tags": ["a", "b"]},
    ],
    ids=lambda attributes: next(iter(attributes)),
)  # fmt: skip
def test_tags(attributes: dict[str, Any]) -> None:
    assert row(attributes).tags == ("a", "b")


@pytest.mark.parametrize(
    "attributes",
    [
        {"traceloop.association.properties.k": "x"}, {"metadata": '{"k": "x"}'}, {"langfuse.trace.metadata.k": "x"},
        {"langfuse.observation.metadata.k": "x"}, {"ai.telemetry.metadata.k": "x"}, {"langsmith.metadata.k": "x"},
        {"mlflow.traceTag.k": "x"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)  # fmt: skip
def test_metadata(attributes: dict[str, Any]) -> None:
    assert row(attributes).metadata == {"k": "x"}


def test_metadata_of_one_operation_is_not_that_of_its_trace() -> None:
    assert row({"langsmith.metadata.k": "x", "metadata": '{"a": 1}'}, parent=b"p" * 8).metadata == {}


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250), ({"ai.response.msToFirstChunk": 250}, 250),
        ({"gen_ai.client.operation.time_to_first_chunk": 0.25}, 250), ({"gen_ai.server.time_to_first_token": 250}, 250),
        ({"langfuse.observation.completion_start_time": '"2026-11-21T00:09:36.250000Z"'}, 250),
    ],
    ids=["seconds", "Vercel", "Vercel in seconds", "Strands", "Langfuse"],
)  # fmt: skip
def test_time_to_first_token(attributes: dict[str, Any], milliseconds: int) -> None:
    made = row(attributes)
    assert (made.ttft_ns, made.streaming) == (milliseconds * 1_000_000, True)


@pytest.mark.parametrize("name", ["First Token Stream Event", "gen_ai.content.completion.chunk"])
def test_time_to_first_token_by_an_event(name: str) -> None:
    events = tuple(RawEvent(name, START + after, {}) for after in (250_000_000, 900_000_000))
    assert row(LLM, events=events).ttft_ns == 250_000_000


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.request.stream": True}, {"gen_ai.is_streaming": True}, {"llm.is_streaming": "true"},
        {"llm.invocation_parameters": '{"stream": true}'},
        {"langfuse.observation.model.parameters": '{"stream": true}'},
        {"ai.operationId": "ai.streamText.doStream"},
    ],
    ids=lambda attributes: next(iter(attributes)),
)  # fmt: skip
def test_streaming(attributes: dict[str, Any]) -> None:
    assert row(attributes).streaming is True


@pytest.mark.parametrize(
    ("given", "folded"),
    [
        ("tool_calls", "tool_call"), ("tool_call", "tool_call"), ("tool-calls", "tool_call"), ("tool_use", "tool_call"),
        ("stop", "stop"), ("end_turn", "stop"), ("length", "length"), ("max_tokens", "length"),
        ("content_filter", "filtered"), ("refusal", "filtered"), ("STOP", "stop"), ('["tool_calls"]', "tool_call"),
    ],
)  # fmt: skip
def test_spellings_of_finish_reasons(given: str, folded: str) -> None:
    assert row({"gen_ai.response.finish_reasons": given}).finish_reason == folded


@pytest.mark.parametrize(
    ("attributes", "status_code", "error_type"),
    [
        ({"error.type": "x"}, 2, "x"),
        ({"http.response.status_code": 429}, 2, "429"),
        ({"langfuse.observation.level": "ERROR"}, 0, ""),
        ({"gen_ai.tool.status": "error"}, 0, ""),
        ({"logfire.level_num": 17}, 0, ""),
    ],
)
def test_errors(attributes: dict[str, Any], status_code: int, error_type: str) -> None:
    made = row(attributes, status_code=status_code)
    assert (made.status, made.error_type) == ("error", error_type)


def test_messages_of_errors() -> None:
    event = RawEvent("exception", START, {"exception.type": "a.B", "exception.message": "x"})
    made = row({}, status_code=2, events=(event,))
    assert (made.status, made.error_type, made.error_message) == ("error", "B", "x")
    assert row({"langfuse.observation.level": "ERROR", "langfuse.observation.status_message": "x"}).error_message == "x"
    assert row({}, status_code=2, status_message="x").error_message == "x"
