"""Every cell of the table of conventions: a span that has nothing but this key shows the field."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from metrics.ingest.rows import Usage
from metrics.ingest.usage import SpokenUsage
from tests.metrics.ingest.test_normalising import row

LLM = {"gen_ai.operation.name": "chat"}
TOOL = {"gen_ai.operation.name": "execute_tool"}
AGENT = {"gen_ai.operation.name": "invoke_agent"}
EMBEDDING = {"gen_ai.operation.name": "embeddings"}
USAGE = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50}
DETAILS = "langfuse.observation.usage_details"

# --- kind ---------------------------------------------------------------------------------------------------------

KINDS: Mapping[str, Mapping[str, str]] = {
    "gen_ai.operation.name": {
        "chat": "llm", "text_completion": "llm", "generate_content": "llm", "embeddings": "embedding",
        "execute_tool": "tool", "invoke_agent": "agent", "create_agent": "agent", "retrieval": "retriever",
        "invoke_workflow": "chain", "plan": "chain", "agent_step": "chain", "execute_event_loop_cycle": "chain",
        "chain": "chain",
    },
    "traceloop.span.kind": {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"},
    "llm.request.type": {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"},
    "openinference.span.kind": {
        "LLM": "llm", "TOOL": "tool", "AGENT": "agent", "CHAIN": "chain", "RETRIEVER": "retriever",
        "EMBEDDING": "embedding", "RERANKER": "reranker", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator",
        "PROMPT": "other", "UNKNOWN": "other",
    },
    "langfuse.observation.type": {
        "span": "other", "generation": "llm", "event": "other", "embedding": "embedding", "agent": "agent",
        "tool": "tool", "chain": "chain", "retriever": "retriever", "guardrail": "guardrail", "evaluator": "evaluator",
    },
    "ai.operationId": {
        "ai.generateText.doGenerate": "llm", "ai.streamText.doStream": "llm", "ai.embed.doEmbed": "embedding",
        "ai.toolCall": "tool", "ai.generateText": "agent", "ai.streamText": "agent", "ai.generateObject": "agent",
    },
    "mlflow.spanType": {'"CHAT_MODEL"': "llm", '"TOOL"': "tool", '"AGENT"': "agent", '"RETRIEVER"': "retriever"},
    "langsmith.span.kind": {"llm": "llm", "tool": "tool", "chain": "chain", "retriever": "retriever"},
    "genkit:metadata:subtype": {"model": "llm", "tool": "tool", "flow": "chain", "retriever": "retriever"},
    "gen_ai.tool.name": {"search": "tool"},
    "gen_ai.tool.call.id": {"call_1": "tool"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "kind"), [(k, v, kind) for k, values in KINDS.items() for v, kind in values.items()]
)
def test_kind(key: str, value: str, kind: str) -> None:
    assert row({key: value}).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("interaction", "agent"), ("llm_request", "llm"), ("tool", "tool"), ("hook", "other")]
)
def test_kind_by_the_name_of_the_span(name: str, kind: str) -> None:
    assert row({}, name=f"claude_code.{name}").kind == kind


@pytest.mark.parametrize("model", ["gen_ai.request.model", "model", "model_name", "llm.model_name"])
def test_a_model_with_usage_is_a_model_call(model: str) -> None:
    assert row({model: "m", **USAGE}).kind == "llm"
    assert row({model: "m"}).kind == "other"


# --- text fields --------------------------------------------------------------------------------------------------

# Field, what else the span has, and keys with a value; the value is "x" unless it is given.
TEXTS: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("model", LLM, {
        "gen_ai.request.model": "x", "llm.request.model_name": "x", "llm.invocation_parameters": '{"model": "x"}',
        "ai.model.id": "x", "aisdk.model.id": "x", "langsmith.metadata.ls_model_name": "x", "mlflow.llm.model": "x",
        "model_name": "x", "model": "x", "gen_ai.response.model": "x", "llm.response.model_name": "x",
        "llm.model_name": "x", "langfuse.observation.model.name": "x", "ai.response.model": "x",
    }),
    ("model", EMBEDDING, {"embedding.model_name": "x"}),
    ("model", {"openinference.span.kind": "RERANKER"}, {"reranker.model_name": "x"}),
    ("provider", LLM, {
        "gen_ai.provider.name": "x", "gen_ai.system": "x", "llm.provider": "x", "llm.system": "x",
        "ai.model.provider": "x.chat", "langsmith.metadata.ls_provider": "x", "mlflow.llm.provider": "x",
        "gen_ai.request.model": "x/some-model",
    }),
    ("tool", TOOL, {
        "gen_ai.tool.name": "x", "traceloop.entity.name": "x", "tool.name": "x", "ai.toolCall.name": "x",
        "tool_name": "x",
    }),
    ("agent", AGENT, {
        "gen_ai.agent.name": "x", "traceloop.entity.name": "x", "agent.name": "x", "graph.node.id": "x",
        "ai.telemetry.functionId": "x", "agent_name": "x", "langsmith.metadata.langgraph_node": "x",
        "crewai.agent.role": "x",
    }),
    ("agent_id", AGENT, {"gen_ai.agent.id": "x", "graph.node.id": "x"}),
    ("agent_version", AGENT, {
        "gen_ai.agent.version": "x", "traceloop.entity.version": "x", "langfuse.version": "x", "langfuse.release": "x",
    }),
    ("session_id", {}, {
        "gen_ai.conversation.id": "x", "traceloop.association.properties.session_id": "x",
        "traceloop.association.properties.chat_id": "x", "traceloop.association.properties.thread_id": "x",
        "session.id": "x", "langfuse.session.id": "x", "langfuse.trace.metadata.langfuse_session_id": "x",
        "ai.telemetry.metadata.sessionId": "x", "langsmith.metadata.session_id": "x",
        "langsmith.metadata.thread_id": "x", "mlflow.trace.session": "x", "gcp.vertex.agent.session_id": "x",
        "metadata": '{"thread_id": "x"}',
    }),
    ("user_id", {}, {
        "user.id": "x", "enduser.id": "x", "traceloop.association.properties.user_id": "x", "gen_ai.user": "x",
        "llm.user": "x", "langfuse.user.id": "x", "ai.telemetry.metadata.userId": "x",
        "langsmith.metadata.user_id": "x", "mlflow.trace.user": "x", "user.account_uuid": "x", "kagent.user_id": "x",
    }),
    ("environment", {}, {"langfuse.environment": "x"}),
    ("team", {}, {"handrail.team": "x", "team": "x", "team.name": "x"}),
    ("prompt_name", LLM, {
        "gen_ai.prompt.name": "x", "traceloop.prompt.key": "x", "prompt.id": "x", "prompt.url": "x",
        "langfuse.observation.prompt.name": "x", "ai.telemetry.metadata.langfusePrompt": '{"name": "x", "version": 3}',
        "mlflow.linkedPrompts": '[{"name": "x", "version": "3"}]',
    }),
    ("prompt_version", LLM, {
        "traceloop.prompt.version": "x", "llm.prompt_template.version": "x", "langfuse.observation.prompt.version": "x",
        "ai.telemetry.metadata.langfusePrompt": '{"name": "a", "version": "x"}',
        "mlflow.linkedPrompts": '[{"name": "a", "version": "x"}]',
    }),
    ("finish_reason", LLM, {
        "gen_ai.response.finish_reasons": ["x"], "gen_ai.completion.0.finish_reason": "x",
        "gen_ai.completion.3.finish_reason": "x", "llm.response.finish_reason": "x", "llm.response.stop_reason": "x",
        "llm.finish_reason": "x", "langfuse.observation.metadata.finish_reason": "x", "ai.response.finishReason": "x",
        "stop_reason": "x", "gen_ai.output.messages": '[{"role": "assistant", "finish_reason": "x"}]',
    }),
]  # fmt: skip


def cells() -> Iterator[Any]:
    for field, base, keys in TEXTS:
        for key, value in keys.items():
            yield pytest.param(field, {**base, key: value}, id=f"{field}-{key}")


@pytest.mark.parametrize(("field", "attributes"), list(cells()))
def test_text(field: str, attributes: dict[str, Any]) -> None:
    assert getattr(row(attributes), field) == "x"


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("environment", "deployment.environment.name"), ("environment", "deployment.environment"),
        ("environment", "langfuse.environment"), ("service", "service.name"), ("service", "openinference.project.name"),
        ("team", "team"), ("team", "team.name"), ("team", "service.namespace"), ("session_id", "session.id"),
        ("agent_version", "service.version"), ("agent_version", "langfuse.release"),
    ],
)  # fmt: skip
def test_text_of_the_resource(field: str, key: str) -> None:
    assert getattr(row({}, resource={key: "x"}), field) == "x"


def test_names_of_spans_name_tools_and_agents_where_nothing_else_does() -> None:
    assert row({"langfuse.observation.type": "tool"}, name="search").tool == "search"
    assert row({"langfuse.observation.type": "agent"}, name="planner").agent == "planner"


def test_provider_by_the_address_of_the_server() -> None:
    assert row({**LLM, "server.address": "api.anthropic.com"}).provider == "anthropic"
    assert row({**LLM, "server.address": "our.openai.azure.com"}).provider == "azure.ai.openai"


@pytest.mark.parametrize("word", ["langchain", "strands-agents", "crewai", "function", "gcp.vertex.agent"])
def test_frameworks_are_no_providers(word: str) -> None:
    assert row({**LLM, "gen_ai.system": word}).provider == ""
    assert row({**LLM, "gen_ai.system": word, "langsmith.metadata.ls_provider": "openai"}).provider == "openai"


# --- usage --------------------------------------------------------------------------------------------------------

TOKENS: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("input_tokens", LLM, {
        "gen_ai.usage.input_tokens": 7, "gen_ai.usage.prompt_tokens": 7, "llm.token_count.prompt": 7,
        "ai.usage.inputTokens": 7, "ai.usage.promptTokens": 7, "input_tokens": 7,
        "mlflow.chat.tokenUsage": '{"input_tokens": 7}',
    }),
    ("input_tokens", EMBEDDING, {"ai.usage.tokens": 7}),
    ("output_tokens", LLM, {
        "gen_ai.usage.output_tokens": 7, "gen_ai.usage.completion_tokens": 7, "llm.token_count.completion": 7,
        "ai.usage.outputTokens": 7, "ai.usage.completionTokens": 7, "output_tokens": 7,
        "mlflow.chat.tokenUsage": '{"output_tokens": 7}',
    }),
    ("output_tokens", {"gen_ai.usage.input_tokens": 3}, {
        "gen_ai.usage.total_tokens": 10, "llm.usage.total_tokens": 10,
    }),
    ("output_tokens", {"llm.token_count.prompt": 3}, {"llm.token_count.total": 10}),
    ("output_tokens", {"ai.usage.inputTokens": 3}, {"ai.usage.totalTokens": 10}),
    ("cache_read_tokens", USAGE, {
        "gen_ai.usage.cache_read.input_tokens": 7, "gen_ai.usage.cache_read_input_tokens": 7,
        "gen_ai.usage.details.cache_read_tokens": 7, "llm.token_count.prompt_details.cache_read": 7,
        "llm.token_count.prompt_details.cache_input": 7, "ai.usage.cachedInputTokens": 7,
        "ai.usage.inputTokenDetails.cacheReadTokens": 7, "cache_read_tokens": 7,
        "ai.response.providerMetadata": '{"anthropic": {"usage": {"cache_read_input_tokens": 7}}}',
        "langsmith.metadata.usage_metadata.input_token_details.cache_read": 7,
        "langsmith.metadata.usage_metadata": '{"input_token_details": {"cache_read": 7}}',
    }),
    ("cache_write_tokens", USAGE, {
        "gen_ai.usage.cache_creation.input_tokens": 7, "gen_ai.usage.cache_creation_input_tokens": 7,
        "gen_ai.usage.cache_write_input_tokens": 7, "gen_ai.usage.details.cache_write_tokens": 7,
        "llm.token_count.prompt_details.cache_write": 7, "ai.usage.inputTokenDetails.cacheWriteTokens": 7,
        "cache_creation_tokens": 7,
        "ai.response.providerMetadata": '{"anthropic": {"usage": {"cache_creation_input_tokens": 7}}}',
    }),
    ("reasoning_tokens", USAGE, {
        "gen_ai.usage.reasoning.output_tokens": 7, "gen_ai.usage.reasoning_tokens": 7, "llm.usage.reasoning_tokens": 7,
        "gen_ai.usage.details.reasoning_tokens": 7, "llm.token_count.completion_details.reasoning": 7,
        "ai.usage.reasoningTokens": 7, "ai.usage.outputTokenDetails.reasoningTokens": 7,
    }),
]  # fmt: skip

# Members of Langfuse's usage_details, with what is seen of each beside {"input": 10, "output": 5}.
MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "input_tokens": {"input": 7, "input_tokens": 7, "prompt_tokens": 7},
    "output_tokens": {"output": 7, "output_tokens": 7, "completion_tokens": 7},
    "cache_read_tokens": {
        "input_cached_tokens": 7, "input_cache_read": 7, "cache_read_input_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 7},
    },
    "cache_write_tokens": {
        "input_cache_creation": 7, "input_cache_creation_5m": 7, "input_cache_creation_1h": 7,
        "cache_creation_input_tokens": 7,
    },
    "reasoning_tokens": {
        "output_reasoning_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 7},
    },
}  # fmt: skip


def token_cells() -> Iterator[Any]:
    for field, base, keys in TOKENS:
        for key, value in keys.items():
            yield pytest.param(field, {**base, key: value}, id=f"{field}-{key}")
    for field, members in MEMBERS.items():
        for name, value in members.items():
            beside = {} if field in {"input_tokens", "output_tokens"} else {"input": 10, "output": 5}
            yield pytest.param(field, {DETAILS: {**beside, name: value}}, id=f"{field}-{DETAILS}-{name}")


@pytest.mark.parametrize(("field", "attributes"), list(token_cells()))
def test_tokens(field: str, attributes: dict[str, Any]) -> None:
    assert getattr(row(attributes).usage, field) == 7


@pytest.mark.parametrize(
    ("audio", "part"),
    [
        ({"gen_ai.usage.audio.input_tokens": 7}, "audio_input_tokens"),
        ({"gen_ai.usage.audio.output_tokens": 7}, "audio_output_tokens"),
        ({"llm.token_count.prompt_details.audio": 7}, "audio_input_tokens"),
        ({"llm.token_count.completion_details.audio": 7}, "audio_output_tokens"),
        ({DETAILS: '{"prompt_tokens_details": {"audio_tokens": 7}}'}, "audio_input_tokens"),
        ({DETAILS: '{"input_tokens_details": {"audio_tokens": 7}}'}, "audio_input_tokens"),
        ({DETAILS: '{"completion_tokens_details": {"audio_tokens": 7}}'}, "audio_output_tokens"),
        ({DETAILS: '{"output_tokens_details": {"audio_tokens": 7}}'}, "audio_output_tokens"),
    ],
    ids=str,
)
def test_audio_tokens(audio: dict[str, Any], part: str) -> None:
    found = row({**LLM, **USAGE, **audio}).usage
    assert isinstance(found, SpokenUsage)
    assert (getattr(found, part), found.audio_input_tokens + found.audio_output_tokens) == (7, 7)


def test_usage_without_audio_is_plain() -> None:
    assert type(row({**LLM, **USAGE, "gen_ai.usage.audio.input_tokens": 0}).usage) is Usage


def test_the_version_of_a_service_is_that_of_its_agent_only_where_nothing_else_says_one() -> None:
    resource = {"service.version": "build 9", "langfuse.release": "r3"}
    assert row({**AGENT, "gen_ai.agent.version": "1.2"}, resource=resource).agent_version == "1.2"
    assert row({**AGENT, "langfuse.release": "r4"}, resource=resource).agent_version == "r4"
    assert row(AGENT, resource=resource).agent_version == "r3"


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [
        ({"usage": {"cache_read_input_tokens": 90, "cache_creation_input_tokens": 3}}, Usage(98, 2, 90, 3)),
        (
            {"usage": {"cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}},
            Usage(12, 2, None, 7),
        ),
    ],
)
def test_anthropic_through_vercel_excludes_what_was_cached(metadata: dict[str, Any], usage: Usage) -> None:
    found = row({
        "ai.usage.inputTokens": 5, "ai.usage.outputTokens": 2, "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2, "ai.response.providerMetadata": {"anthropic": metadata},
    })  # fmt: skip
    assert found.usage == usage


# --- money --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reported",
    [
        {"gen_ai.usage.cost": 0.5}, {"gen_ai.usage.input_cost": 0.25, "gen_ai.usage.output_cost": 0.25},
        {"gen_ai.cost.total_cost": 0.5}, {"gen_ai.cost.input_cost": 0.25, "gen_ai.cost.output_cost": 0.25},
        {"llm.cost.total": 0.5}, {"llm.cost.prompt": 0.25, "llm.cost.completion": 0.25},
        {"langfuse.observation.cost_details": '{"total": 0.5}'},
        {"langfuse.observation.cost_details": '{"input": 0.25, "output": 0.25}'},
        {"operation.cost": 0.5}, {"mlflow.llm.cost.total_cost": 0.5}, {"mlflow.llm.cost": '{"total_cost": 0.5}'},
        {"cost_usd": 0.5},
    ],
    ids=lambda reported: next(iter(reported)),
)  # fmt: skip
def test_reported_cost(reported: dict[str, Any]) -> None:
    assert row(reported).price.reported_nanos == 500_000_000
