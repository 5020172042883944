"""Where tokens and reported money are found: one table per convention, as data, in order of trust."""

from typing import NamedTuple

from metrics.ingest.semconv import Key, Keys, keys


class Cached(NamedTuple):
    """A place of a cached-token figure, and whether the input figure beside it already includes it."""

    key: Key
    inside: bool


class UsageConvention(NamedTuple):
    """How one family of SDKs reports usage. The first convention that gives input or output speaks for the span."""

    name: str
    input_tokens: Keys
    output_tokens: Keys
    total: Keys
    cache_read: tuple[Cached, ...]
    cache_write: tuple[Cached, ...]
    reasoning: Keys
    # Cache writes split by lifetime, which add up where no whole is given; not in the input figure.
    cache_write_parts: Keys = ()


def _inside(listing: str) -> tuple[Cached, ...]:
    return tuple(Cached(key, inside=True) for key in keys(listing))


def _outside(listing: str) -> tuple[Cached, ...]:
    return tuple(Cached(key, inside=False) for key in keys(listing))


_DETAILS = "langfuse.observation.usage_details#"


def _details(listing: str) -> str:
    return " ".join(_DETAILS + word for word in listing.split())


CONVENTIONS: tuple[UsageConvention, ...] = (
    UsageConvention(
        # First, since Vercel repeats its figures under the names of OpenTelemetry but says only under its own what was
        # cached. Anthropic's raw usage, in the metadata of version 5, excludes what was cached; version 6 writes
        # inputTokenDetails and includes it.
        "Vercel AI",
        input_tokens=keys("ai.usage.inputTokens ai.usage.promptTokens embedding?ai.usage.tokens"),
        output_tokens=keys("ai.usage.outputTokens ai.usage.completionTokens"),
        total=keys("ai.usage.totalTokens"),
        cache_read=_inside("ai.usage.inputTokenDetails.cacheReadTokens")
        + _outside("""
            ai.response.providerMetadata#anthropic.usage.cache_read_input_tokens
            ai.response.providerMetadata#anthropic.cacheReadInputTokens""")
        + _inside("ai.usage.cachedInputTokens ai.response.providerMetadata#openai.cachedPromptTokens"),
        cache_write=_inside("ai.usage.inputTokenDetails.cacheWriteTokens")
        + _outside("""
            ai.response.providerMetadata#anthropic.usage.cache_creation_input_tokens
            ai.response.providerMetadata#anthropic.cacheCreationInputTokens"""),
        reasoning=keys("""
            ai.usage.reasoningTokens ai.usage.outputTokenDetails.reasoningTokens
            ai.response.providerMetadata#openai.reasoningTokens"""),
        cache_write_parts=keys("""
            ai.response.providerMetadata#anthropic.usage.cache_creation.ephemeral_5m_input_tokens
            ai.response.providerMetadata#anthropic.usage.cache_creation.ephemeral_1h_input_tokens"""),
    ),
    UsageConvention(
        "OpenTelemetry GenAI, also in its older spellings and as OpenLLMetry has it",
        input_tokens=keys("gen_ai.usage.input_tokens gen_ai.usage.prompt_tokens"),
        output_tokens=keys("gen_ai.usage.output_tokens gen_ai.usage.completion_tokens"),
        total=keys("gen_ai.usage.total_tokens llm.usage.total_tokens"),
        cache_read=_inside("""
            gen_ai.usage.cache_read.input_tokens gen_ai.usage.cache_read_input_tokens
            gen_ai.usage.details.cache_read_tokens"""),
        cache_write=_inside("""
            gen_ai.usage.cache_creation.input_tokens gen_ai.usage.cache_creation_input_tokens
            gen_ai.usage.cache_write_input_tokens gen_ai.usage.details.cache_write_tokens"""),
        reasoning=keys("""
            gen_ai.usage.reasoning.output_tokens gen_ai.usage.reasoning_tokens llm.usage.reasoning_tokens
            gen_ai.usage.details.reasoning_tokens"""),
    ),
    UsageConvention(
        "OpenInference",
        input_tokens=keys("llm.token_count.prompt"),
        output_tokens=keys("llm.token_count.completion"),
        total=keys("llm.token_count.total"),
        cache_read=_inside("llm.token_count.prompt_details.cache_read llm.token_count.prompt_details.cache_input"),
        cache_write=_inside("llm.token_count.prompt_details.cache_write"),
        reasoning=keys("llm.token_count.completion_details.reasoning"),
    ),
    UsageConvention(
        # Two spellings in one attribute: OpenAI's raw usage, whose details are parts of the total, and Langfuse's own
        # keys (also Anthropic's raw usage), which exclude what was cached.
        "Langfuse",
        input_tokens=keys(_details("input input_tokens prompt_tokens")),
        output_tokens=keys(_details("output output_tokens completion_tokens")),
        total=keys(_details("total total_tokens")),
        cache_read=_inside(_details("prompt_tokens_details.cached_tokens input_tokens_details.cached_tokens"))
        + _outside(_details("input_cached_tokens input_cache_read cache_read_input_tokens")),
        cache_write=_outside(_details("input_cache_creation cache_creation_input_tokens")),
        reasoning=keys(
            _details("""
            output_reasoning_tokens completion_tokens_details.reasoning_tokens output_tokens_details.reasoning_tokens
            reasoning_tokens""")
        ),
        cache_write_parts=keys(_details("input_cache_creation_5m input_cache_creation_1h")),
    ),
    UsageConvention(
        "LangSmith",
        input_tokens=keys("langsmith.metadata.usage_metadata#input_tokens"),
        output_tokens=keys("langsmith.metadata.usage_metadata#output_tokens"),
        total=keys("langsmith.metadata.usage_metadata#total_tokens"),
        cache_read=_inside("""
            langsmith.metadata.usage_metadata#input_token_details.cache_read
            langsmith.metadata.usage_metadata.input_token_details.cache_read"""),
        cache_write=_inside("langsmith.metadata.usage_metadata#input_token_details.cache_creation"),
        reasoning=keys("langsmith.metadata.usage_metadata#output_token_details.reasoning"),
    ),
    UsageConvention(
        "MLflow",
        input_tokens=keys("mlflow.chat.tokenUsage#input_tokens"),
        output_tokens=keys("mlflow.chat.tokenUsage#output_tokens"),
        total=keys("mlflow.chat.tokenUsage#total_tokens"),
        cache_read=_inside("mlflow.chat.tokenUsage#cache_read_input_tokens"),
        cache_write=_inside("mlflow.chat.tokenUsage#cache_creation_input_tokens"),
        reasoning=(),
    ),
    UsageConvention(
        "Claude Code",
        input_tokens=keys("input_tokens"),
        output_tokens=keys("output_tokens"),
        total=(),
        cache_read=_outside("cache_read_tokens"),
        cache_write=_outside("cache_creation_tokens"),
        reasoning=(),
    ),
)

# Of the input and of the output. All conventions say it the same way, as a part of what is beside it.
AUDIO_INPUT: Keys = keys(
    "gen_ai.usage.audio.input_tokens llm.token_count.prompt_details.audio "
    + _details("prompt_tokens_details.audio_tokens input_tokens_details.audio_tokens")
)
AUDIO_OUTPUT: Keys = keys(
    "gen_ai.usage.audio.output_tokens llm.token_count.completion_details.audio "
    + _details("completion_tokens_details.audio_tokens output_tokens_details.audio_tokens")
)

# USD. The total, or else its parts.
REPORTED_COST: Keys = keys("""
    gen_ai.usage.cost gen_ai.cost.total_cost gen_ai.cost.total llm.cost.total langfuse.observation.cost_details#total
    operation.cost mlflow.llm.cost#total_cost mlflow.llm.cost.total_cost cost_usd""")
REPORTED_COST_PARTS: tuple[Keys, ...] = (
    keys("gen_ai.usage.input_cost gen_ai.usage.output_cost"),
    keys("gen_ai.cost.input_cost gen_ai.cost.output_cost"),
    keys("llm.cost.prompt llm.cost.completion"),
    keys("langfuse.observation.cost_details#input langfuse.observation.cost_details#output"),
)
