"""What calls of models say of themselves, in the words of OpenTelemetry's GenAI conventions. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_USAGE = {
    "gen_ai.usage.input_tokens": ("input_tokens", "prompt_tokens", "prompt_token_count"),
    "gen_ai.usage.output_tokens": ("output_tokens", "completion_tokens", "candidates_token_count"),
    "gen_ai.usage.cache_read.input_tokens": ("cache_read_input_tokens", "cached_content_token_count"),
    "gen_ai.usage.cache_creation.input_tokens": ("cache_creation_input_tokens",),
    "gen_ai.usage.reasoning.output_tokens": ("thoughts_token_count",),
}
# OpenAI says these one level deeper.
_DEEPER = {
    "gen_ai.usage.cache_read.input_tokens": (("input_tokens_details", "prompt_tokens_details"), "cached_tokens"),
    "gen_ai.usage.reasoning.output_tokens": (
        ("output_tokens_details", "completion_tokens_details"),
        "reasoning_tokens",
    ),
}


def arguments_of(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, without self and cls; as they come where they do not fit: the call will say."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    named = dict(bound.arguments)
    for name, parameter in bound.signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(named.pop(name, {}))
    return {name: value for name, value in named.items() if name not in ("self", "cls")}


def messages_in(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What went in, as messages: those of the argument `messages`, else the one text, else all arguments."""
    listed = given.get("messages")
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        return [_message(each) for each in listed]
    texts = [value for value in given.values() if isinstance(value, str)]
    named = [given[name] for name in ("prompt", "input", "question", "query") if isinstance(given.get(name), str)]
    if named or (len(texts) == 1 and len(given) == 1):
        return [_text_message("user", (named or texts)[0])]
    return [{"role": "user", "parts": [{"type": "data", "content": dict(given)}]}] if given else []


def messages_out(result: Any) -> list[dict[str, Any]]:
    """What came out, as one message of the assistant."""
    text = _text_of(result)
    if text is not None:
        return [_text_message("assistant", text)]
    return [{"role": "assistant", "parts": [{"type": "data", "content": result}]}]


def response_attributes(result: Any) -> dict[str, Any]:
    """Model, id, tokens and finish reasons, as far as a response says them."""
    said = {
        "gen_ai.response.model": _first(result, ("model", "model_version")),
        "gen_ai.response.id": _get(result, "id"),
    }
    found: dict[str, Any] = {name: value for name, value in said.items() if isinstance(value, str) and value}
    usage = _first(result, ("usage", "usage_metadata"))
    for attribute, names in _USAGE.items():
        count = _first(usage, names)
        if count is None and attribute in _DEEPER:
            places, name = _DEEPER[attribute]
            count = _get(_first(usage, places), name)
        if isinstance(count, int) and not isinstance(count, bool):
            found[attribute] = count
    reasons = _reasons(result)
    if reasons:
        found["gen_ai.response.finish_reasons"] = reasons
    return found


def _reasons(result: Any) -> list[str]:
    choices = _first(result, ("choices", "candidates"))
    single = _first(result, ("stop_reason", "finish_reason"))
    listed = choices if isinstance(choices, Sequence) and not isinstance(choices, str) else []
    said = [single, *(_get(each, "finish_reason") for each in listed)]
    return [str(getattr(each, "value", each)) for each in said if each]


def _message(value: Any) -> dict[str, Any]:
    role, content = _get(value, "role") or _get(value, "type") or "user", _get(value, "content")
    if isinstance(content, str):
        return _text_message(str(role), content)
    if content is None:
        return {"role": str(role), "parts": [{"type": "data", "content": value}]}
    return {"role": str(role), "parts": list(content) if isinstance(content, list) else [content]}


def _text_message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _text_of(result: Any) -> str | None:
    if isinstance(result, str):
        return result
    for name in ("output_text", "text", "content"):
        value = _get(result, name)
        if isinstance(value, str):
            return value
        if name == "content" and isinstance(value, list):
            texts = [_get(part, "text") for part in value]
            if texts and all(isinstance(text, str) for text in texts):
                return "".join(texts)
    choices = _get(result, "choices")
    if isinstance(choices, Sequence) and choices and not isinstance(choices, str):
        return _text_of(_get(choices[0], "message"))
    return None


def _first(value: Any, names: Sequence[str]) -> Any:
    return next((found for name in names if (found := _get(value, name)) is not None), None)


def _get(value: Any, name: str) -> Any:
    """A member of a mapping or of an object; None where there is none, or asking for it raises."""
    if value is None or isinstance(value, str):
        return None
    if isinstance(value, Mapping):
        return value.get(name)
    try:
        return getattr(value, name, None)
    except Exception:
        return None
