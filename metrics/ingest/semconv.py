"""Where each canonical field is found in what SDKs send: ordered keys, as data. The first that says something wins.

A key is written `name`, `name#path.in.its.json`, `resource:name` or `@name` (the span's own name), each optionally
behind `kind?` to hold only for spans of that kind; `prefix.*` stands for attributes `prefix.0.role`,
`prefix.0.content`, ... folded back into the list that they were flattened from, and may have a `#path` too.

Sources: OpenTelemetry GenAI 1.28 to 1.37 and its drafts, OpenLLMetry, OpenInference, Langfuse v3 and v4, Vercel AI 5,
pydantic-ai and Logfire, Strands, MLflow, LangSmith, Google ADK, Claude Code. `handrail.*` is what the plain JSON API
(metrics.ingest.events) says outright.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Key(NamedTuple):
    """One place where a value may be."""

    name: str
    path: tuple[str, ...] = ()
    place: str = "span"  # span, resource, title (the name of the span) or flat (a flattened list)
    kind: str = ""  # only in spans of this kind


Keys = tuple[Key, ...]


def keys(listing: str) -> Keys:
    """The keys of a listing, in order."""
    return tuple(_key(word) for word in listing.split())


def _key(word: str) -> Key:
    kind, asked, rest = word.rpartition("?")
    place = "span"
    if rest.startswith("resource:"):
        place, rest = "resource", rest.removeprefix("resource:")
    elif rest == "@name":
        place, rest = "title", ""
    name, _, path = rest.partition("#")
    if name.endswith(".*"):
        place, name = "flat", name[:-1]
    return Key(name, tuple(path.split(".")) if path else (), place, kind if asked else "")


# --- kind -------------------------------------------------------------------------------------------------------------

KINDS = (
    "agent", "llm", "tool", "retriever", "embedding", "reranker", "chain", "guardrail", "evaluator", "human", "other",
)  # fmt: skip
_SAME = {kind: kind for kind in KINDS}

# The value in lower case, or "*." and what follows its last dot.
KIND_VALUES: tuple[tuple[Key, Mapping[str, str]], ...] = (
    (Key("handrail.kind"), _SAME),
    (
        Key("gen_ai.operation.name"),
        {
            "chat": "llm", "text_completion": "llm", "generate_content": "llm", "completion": "llm", "responses": "llm",
            "embeddings": "embedding", "execute_tool": "tool", "invoke_agent": "agent", "create_agent": "agent",
            "retrieval": "retriever", "invoke_workflow": "chain", "plan": "chain", "agent_step": "chain",
            "execute_event_loop_cycle": "chain", "chain": "chain",
        },
    ),
    (Key("openinference.span.kind"), _SAME | {"prompt": "other", "unknown": "other"}),
    (Key("langfuse.observation.type"), _SAME | {"generation": "llm", "span": "other", "event": "other"}),
    (
        Key("ai.operationId"),
        {
            "*.dogenerate": "llm", "*.dostream": "llm", "*.doembed": "embedding", "ai.toolcall": "tool",
            "ai.generatetext": "agent", "ai.streamtext": "agent", "ai.generateobject": "agent",
            "ai.streamobject": "agent", "ai.embed": "embedding", "ai.embedmany": "embedding", "ai.rerank": "reranker",
            "*.dorerank": "reranker",
        },
    ),
    (Key("traceloop.span.kind"), {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"}),
    (
        Key("llm.request.type"),
        {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"},
    ),
    (Key("mlflow.spanType"), _SAME | {"chat_model": "llm", "parser": "other", "workflow": "chain", "task": "chain"}),
    (Key("langsmith.span.kind"), _SAME | {"prompt": "other", "parser": "other"}),
    (
        Key("genkit:metadata:subtype"),
        {"model": "llm", "tool": "tool", "embedder": "embedding", "retriever": "retriever", "reranker": "reranker",
         "flow": "chain", "prompt": "other", "evaluator": "evaluator"},
    ),
    (
        Key("", place="title"),
        {"claude_code.interaction": "agent", "claude_code.llm_request": "llm", "claude_code.tool": "tool",
         "claude_code.hook": "other"},
    ),
)  # fmt: skip
# Present at all, these say that a span is a tool call.
TOOL_MARKS = ("gen_ai.tool.name", "gen_ai.tool.call.id", "tool.name", "tool_name")
# Kinds that are one request to a model, whose usage is their own and not that of spans below them.
MODEL_KINDS = frozenset({"llm", "embedding", "reranker"})

# --- text fields ------------------------------------------------------------------------------------------------------

FIELDS: Mapping[str, Keys] = {
    "response_model": keys("""
        gen_ai.response.model llm.response.model_name llm.model_name langfuse.observation.model.name
        ai.response.model"""),
    "request_model": keys("""
        gen_ai.request.model llm.request.model_name llm.invocation_parameters#model llm.invocation_parameters#model_name
        embedding.model_name reranker.model_name ai.model.id aisdk.model.id langsmith.metadata.ls_model_name
        llm?metadata#ls_model_name mlflow.llm.model llm?model_name embedding?model_name llm?model embedding?model"""),
    "tool": keys("""
        gen_ai.tool.name tool?traceloop.entity.name tool.name ai.toolCall.name tool?tool_name tool?@name"""),
    "agent": keys("""
        gen_ai.agent.name agent?traceloop.entity.name agent.name graph.node.id agent_name ai.telemetry.functionId
        langsmith.metadata.langgraph_node crewai.agent.role agent?@name"""),
    "agent_id": keys("gen_ai.agent.id graph.node.id crewai.agent.id"),
    "agent_version": keys("""
        gen_ai.agent.version agent?traceloop.entity.version langfuse.version agent.version
        resource:gen_ai.agent.version langfuse.release resource:langfuse.release resource:service.version"""),
    "session_id": keys("""
        gen_ai.conversation.id traceloop.association.properties.session_id traceloop.association.properties.chat_id
        traceloop.association.properties.thread_id langfuse.session.id session.id
        langfuse.trace.metadata.langfuse_session_id ai.telemetry.metadata.sessionId langsmith.metadata.session_id
        langsmith.metadata.thread_id mlflow.trace.session gcp.vertex.agent.session_id metadata#session_id
        metadata#thread_id resource:session.id"""),
    "user_id": keys("""
        handrail.user_id langfuse.user.id user.id enduser.id traceloop.association.properties.user_id gen_ai.user
        llm.user ai.telemetry.metadata.userId langsmith.metadata.user_id mlflow.trace.user user.account_uuid
        kagent.user_id metadata#user_id"""),
    "environment": keys("""
        resource:deployment.environment.name resource:deployment.environment langfuse.environment
        resource:langfuse.environment deployment.environment.name deployment.environment
        ai.telemetry.metadata.environment metadata#environment"""),
    "service": keys("resource:service.name resource:openinference.project.name"),
    "team": keys("""
        handrail.team team team.name resource:team resource:team.name resource:service.namespace"""),
    "prompt_name": keys("""
        gen_ai.prompt.name traceloop.prompt.key langfuse.observation.prompt.name prompt.id
        llm.prompt_template.name ai.telemetry.metadata.langfusePrompt#name mlflow.linkedPrompts#0.name prompt.url"""),
    "prompt_version": keys("""
        gen_ai.prompt.version traceloop.prompt.version llm.prompt_template.version langfuse.observation.prompt.version
        ai.telemetry.metadata.langfusePrompt#version mlflow.linkedPrompts#0.version"""),
    "finish_reason": keys("""
        gen_ai.response.finish_reasons gen_ai.completion.*#0.finish_reason llm.response.finish_reason
        llm.response.stop_reason llm.finish_reason langfuse.observation.metadata.finish_reason ai.response.finishReason
        stop_reason"""),
    "error_type": keys("error.type"),
    "error_message": keys("langfuse.observation.status_message error.message"),
}

PROVIDER: Keys = keys("""
    gen_ai.provider.name gen_ai.system llm.provider llm.system ai.model.provider langsmith.metadata.ls_provider
    llm?metadata#ls_provider mlflow.llm.provider""")
# Vercel writes "openai.chat", also into gen_ai.system of the same span: the provider is what is before the dot.
DOTTED_PROVIDER = "ai.model.provider"
# What frameworks write where a provider belongs.
NOT_PROVIDERS = frozenset(
    {"langchain", "langgraph", "strands-agents", "crewai", "function", "gcp.vertex.agent", "_other"}
)
PROVIDER_HOSTS: Mapping[str, str] = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.mistral.ai": "mistral_ai",
    "api.groq.com": "groq",
    "api.deepseek.com": "deepseek",
    "api.cohere.com": "cohere",
    "api.x.ai": "x_ai",
    "openrouter.ai": "openrouter",
}
# Hosts that differ by customer or region: what they end with.
PROVIDER_HOST_ENDINGS: tuple[tuple[str, str], ...] = (
    (".openai.azure.com", "azure.ai.openai"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
)
FINISH_REASONS: Mapping[str, str] = {
    "tool_calls": "tool_call", "tool_call": "tool_call", "tool-calls": "tool_call", "tool_use": "tool_call",
    "function_call": "tool_call", "stop": "stop", "end_turn": "stop", "stop_sequence": "stop", "eos": "stop",
    "length": "length", "max_tokens": "length", "max_output_tokens": "length", "model_length": "length",
    "content_filter": "filtered", "content-filter": "filtered", "refusal": "filtered", "safety": "filtered",
}  # fmt: skip

# --- status -----------------------------------------------------------------------------------------------------------

EXCEPTION_EVENT = "exception"
HTTP_STATUS = ("http.response.status_code", "http.status_code")
# The plain JSON API says it outright: ok, error or waiting.
STATED_STATUS = "handrail.status"
# Exceptions that a framework throws to stop and wait for a person: the last part of the type's name.
WAITING_EXCEPTIONS = frozenset({"GraphInterrupt", "NodeInterrupt", "GraphBubbleUp"})
# (key, values): one of these values says that the span failed, whatever its OTLP status.
ERROR_VALUES: tuple[tuple[str, frozenset[str]], ...] = (
    ("langfuse.observation.level", frozenset({"error"})),
    ("gen_ai.tool.status", frozenset({"error", "failed"})),
)
LOGFIRE_LEVEL = "logfire.level_num"
LOGFIRE_ERROR = 17

# --- content ----------------------------------------------------------------------------------------------------------

INPUT: Keys = keys("""
    handrail.input
    tool?gen_ai.tool.call.arguments tool?ai.toolCall.args tool?tool_arguments tool?gcp.vertex.agent.tool_call_args
    tool?tool_input gen_ai.input.messages gen_ai.prompt.* gen_ai.prompt llm?llm.input_messages.* ai.prompt.messages
    langfuse.observation.input traceloop.entity.input input.value llm.input_messages.* ai.prompt ai.values ai.value
    pydantic_ai.all_messages mlflow.spanInputs gcp.vertex.agent.llm_request langfuse.trace.input user_prompt prompt
    events input""")
OUTPUT: Keys = keys("""
    handrail.output
    tool?gen_ai.tool.call.result tool?ai.toolCall.result tool?tool_response tool?gcp.vertex.agent.tool_response
    gen_ai.output.messages gen_ai.completion.* gen_ai.completion llm?llm.output_messages.* langfuse.observation.output
    traceloop.entity.output output.value llm.output_messages.* ai.response.text ai.response.object
    ai.response.toolCalls ai.result.text ai.result.object ai.result.toolCalls final_result mlflow.spanOutputs
    gcp.vertex.agent.llm_response response.model_output langfuse.trace.output output""")
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"

# --- tags and metadata ------------------------------------------------------------------------------------------------

TAGS: Keys = keys("""
    handrail.tags langfuse.trace.tags tag.tags ai.telemetry.metadata.tags logfire.tags langsmith.span.tags tags
    traceloop.association.properties.tags""")
# Attributes `prefix.key` that describe the whole trace, wherever in the trace they are.
TRACE_METADATA = (
    "langfuse.trace.metadata.",
    "traceloop.association.properties.",
    "ai.telemetry.metadata.",
    "mlflow.traceTag.",
)
# The same, of the trace only where its first span carries them; elsewhere they speak of one operation.
ENTRY_PREFIXES = ("langfuse.observation.metadata.", "langsmith.metadata.")
# Attributes that hold an object: of the trace where its first span carries them.
ENTRY_METADATA = ("metadata", "handrail.metadata")
# Said elsewhere already, as session, user, tags or environment.
METADATA_SAID_ELSEWHERE = frozenset({
    "sessionId", "session_id", "userId", "user_id", "tags", "thread_id", "chat_id", "environment", "langfusePrompt",
    "langfuse_session_id", "langfuse_user_id", "finish_reason", "ls_model_name", "ls_provider", "usage_metadata",
    "langgraph_node",
})  # fmt: skip

# --- time to first token ----------------------------------------------------------------------------------------------

# (key, nanoseconds per unit). Strands writes milliseconds where OpenTelemetry's metric of that name has seconds.
TTFT: tuple[tuple[str, int], ...] = (
    ("gen_ai.response.time_to_first_chunk", 1_000_000_000),
    ("ai.response.msToFirstChunk", 1_000_000),
    ("gen_ai.client.operation.time_to_first_chunk", 1_000_000_000),
    ("gen_ai.server.time_to_first_token", 1_000_000),
    ("ttft_ms", 1_000_000),
)
TTFT_MOMENTS = ("langfuse.observation.completion_start_time",)
TTFT_EVENTS = frozenset({"First Token Stream Event", "gen_ai.content.completion.chunk", "ai.stream.firstChunk"})
STREAMING: Keys = keys("""
    gen_ai.request.stream gen_ai.is_streaming llm.is_streaming llm.invocation_parameters#stream
    langfuse.observation.model.parameters#stream""")
STREAMING_OPERATIONS = ("ai.operationId", "dostream")

# --- noise ------------------------------------------------------------------------------------------------------------

# Instrumentation of HTTP clients. A span of theirs below a model call says what the call says already, and one without
# a parent is often an exporter at work: it is kept, folded away, and is no request to an agent.
NOISE_SCOPES = frozenset({
    "opentelemetry.instrumentation.httpx", "opentelemetry.instrumentation.requests",
    "opentelemetry.instrumentation.urllib", "opentelemetry.instrumentation.urllib3",
    "opentelemetry.instrumentation.aiohttp_client", "opentelemetry.instrumentation.httplib2",
    "opentelemetry.instrumentation.botocore", "opentelemetry.instrumentation.boto",
    "logfire.httpx", "logfire.requests", "logfire.aiohttp_client",
    "@opentelemetry/instrumentation-http", "@opentelemetry/instrumentation-undici",
    "@opentelemetry/instrumentation-fetch", "@opentelemetry/instrumentation-xml-http-request",
    "@opentelemetry/instrumentation-net", "@opentelemetry/instrumentation-dns",
    "io.opentelemetry.java-http-client", "io.opentelemetry.okhttp-3.0", "io.opentelemetry.apache-httpclient-5.2",
    "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "System.Net.Http",
})  # fmt: skip
# Kinds of OTLP under which such instrumentation reports a call that was made, not one that was answered.
NOISE_SPAN_KINDS = frozenset({0, 1, 3})  # unspecified, internal, client

# --- vectors ----------------------------------------------------------------------------------------------------------

# Attributes that hold embedding vectors, as text or as lists: of these the first numbers are kept.
VECTORS = ("ai.embedding", "ai.embeddings", "embedding.vector")
VECTOR_ENDINGS = (".embedding.vector", ".document.embedding")
