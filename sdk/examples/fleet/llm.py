"""A pretended model: how long it takes, what it counts, how it fails, under the names of real ones."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A language model as its API describes itself.

    first_token_seconds, tokens_per_second: the middle of what it takes. faults: (error.type, message) it fails with.
    """

    name: str
    answers_as: str
    provider: str
    server: str
    first_token_seconds: float
    tokens_per_second: float
    faults: tuple[tuple[str, str], ...]


_OPENAI_FAULTS = (
    ("RateLimitError", "Error code: 429 - Rate limit reached on tokens per min (TPM)"),
    ("APITimeoutError", "Request timed out."),
)
_ANTHROPIC_FAULTS = (
    ("OverloadedError", "Error code: 529 - Overloaded"),
    ("RateLimitError", "Error code: 429 - This request would exceed your organisation's rate limit"),
)
_GEMINI_FAULTS = (
    ("ServerError", "503 UNAVAILABLE. The model is overloaded. Please try again later."),
    ("ClientError", "429 RESOURCE_EXHAUSTED. Quota exceeded for requests per minute"),
)
_OPENAI, _ANTHROPIC = ("openai", "api.openai.com"), ("anthropic", "api.anthropic.com")
_GEMINI = ("gcp.gemini", "generativelanguage.googleapis.com")

GPT_41 = Model("gpt-4.1", "gpt-4.1-2025-04-14", *_OPENAI, 0.55, 95.0, _OPENAI_FAULTS)
GPT_4O_MINI = Model("gpt-4o-mini", "gpt-4o-mini-2024-07-18", *_OPENAI, 0.4, 85.0, _OPENAI_FAULTS)
CLAUDE_SONNET = Model("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", *_ANTHROPIC, 1.1, 62.0, _ANTHROPIC_FAULTS)
CLAUDE_HAIKU = Model("claude-haiku-4-5", "claude-haiku-4-5-20251001", *_ANTHROPIC, 0.5, 120.0, _ANTHROPIC_FAULTS)
GEMINI_FLASH = Model("gemini-2.5-flash", "gemini-2.5-flash", *_GEMINI, 0.45, 180.0, _GEMINI_FAULTS)
GEMINI_PRO = Model("gemini-2.5-pro", "gemini-2.5-pro", *_GEMINI, 2.4, 105.0, _GEMINI_FAULTS)
EMBEDDING = Model("text-embedding-3-small", "text-embedding-3-small", *_OPENAI, 0.12, 1.0, _OPENAI_FAULTS)


@dataclass(frozen=True)
class Generation:
    """One call: token counts (input includes what was read from the cache) and seconds."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    first_token_seconds: float
    seconds: float


def generate(model: Model, prompt: str, reply: str, *, seen_tokens: int, rng: random.Random) -> Generation:
    """What answering `prompt` with `reply` costs. seen_tokens: how much of the prompt an earlier call sent already."""
    overhead = 1650  # Tool definitions and rules, the same in each call: what providers cache.
    prompt_tokens = overhead + round(len(prompt) / 3.8)
    reasoning = rng.randint(90, 420) if model is GEMINI_PRO else 0
    output = max(6, round(len(reply) / 3.6)) + reasoning
    # Providers cache from about a thousand tokens on, in steps of 128.
    cached = min(seen_tokens, prompt_tokens) // 128 * 128 if seen_tokens >= 1024 else 0
    written = prompt_tokens - cached if model.provider == "anthropic" and prompt_tokens >= 1024 else 0
    first = model.first_token_seconds * rng.lognormvariate(0, 0.35) * (0.7 if cached else 1.0)
    seconds = first + output / (model.tokens_per_second * rng.uniform(0.75, 1.2))
    return Generation(prompt_tokens, output, cached, written, reasoning, first, seconds)
