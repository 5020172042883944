"""The texts of a span or a request, each with the way to it and what it is for whoever reads it."""

from collections.abc import Iterator, Mapping
from typing import Any

from metrics.checks.flag import PATH_CHARS, Field

SHORTEST_TEXT = 4
# What a tool or a retriever is given are arguments, and what it gives back is read by a model.
TOOLS = frozenset({"tool", "retriever", "reranker"})
# Vectors are made of what other spans show as well.
UNREAD_KINDS = frozenset({"embedding"})

_NAMES = frozenset({"role", "type", "id", "object", "finish_reason"})
_CALLS = frozenset({"tool_calls", "function_call", "tool_call", "toolUse", "arguments", "args"})
_SYSTEM = frozenset({"system", "system_prompt", "system_instruction", "system_instructions", "instructions"})
_ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "assistant": "model",
    "ai": "model",
    "model": "model",
    "user": "other",
    "human": "other",
    "tool": "other",
    "function": "other",
}
_BODIES = ("content", "parts", "data", "kwargs", "contents")


def of_span(kind: str, given: Any, said: Any) -> Iterator[Field]:
    """The texts of a span's input and output.

    What a system message says is its author's, and what a model said earlier was checked where it said it: neither is
    read in an input, nor is anything but the model's own in an output.
    """
    if kind in UNREAD_KINDS:
        return
    if kind in TOOLS:
        yield from texts(given, "input", "arguments")
        yield from texts(said, "output", "input")
    else:
        yield from texts(given, "input", "input", unread=frozenset({"system", "model"}))
        yield from texts(said, "output", "output", unread=frozenset({"system", "other"}))


def texts(value: Any, path: str, place: str, *, unread: frozenset[str] = frozenset()) -> Iterator[Field]:
    """Every text in a JSON value, in its order; messages of roles that are `unread` are passed over.

    Names of members are not texts, and neither is anything shorter than a word. What a model calls a tool with are
    arguments.
    """
    left: list[tuple[Any, str, str]] = [(value, path, place)]
    while left:
        one, whole_way, kind = left.pop()
        way = whole_way[:PATH_CHARS]
        if isinstance(one, str):
            if len(one) >= SHORTEST_TEXT:
                yield Field(way, kind, one)
        elif isinstance(one, dict):
            if unread and _role(one) in unread:
                continue
            members = [
                (inner, f"{way}.{name}", "arguments" if kind == "output" and name in _CALLS else kind)
                for name, inner in one.items()
                if name not in _NAMES and not (name in _SYSTEM and "system" in unread)
            ]
            left.extend(reversed(members))
        elif isinstance(one, list) and not (unread and _pair_role(one) in unread):
            left.extend((one[place], f"{way}[{place}]", kind) for place in range(len(one) - 1, -1, -1))


def _role(one: Mapping[str, Any]) -> str:
    """Whose message it is: system, model or other; empty when it is no message."""
    role = one.get("role")
    if isinstance(role, str):
        return _ROLES.get(role.lower(), "other")
    name = one.get("type")
    if isinstance(name, str) and name.lower() in _ROLES and any(body in one for body in _BODIES):
        return _ROLES[name.lower()]
    return ""


def _pair_role(one: list[Any]) -> str:
    """As `_role`, of ["user", "hi"], as LangChain lets callers write a message."""
    if len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], str):
        return _ROLES.get(one[0].lower(), "")
    return ""
