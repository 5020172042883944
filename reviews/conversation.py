"""Conversations that agents send in a request's context, whatever shape of message they use. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reviews.arguments import pretty

KEYS = ("messages", "conversation", "history", "transcript")
ROLES = {
    **dict.fromkeys(("user", "human", "customer"), "user"),
    **dict.fromkeys(("assistant", "ai", "agent"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
MESSAGES_MAX = 50


@dataclass(frozen=True)
class Message:
    """One message: `role` is user, assistant, system or tool, `name` how the agent called its author."""

    role: str
    name: str
    text: str


def split(context: Mapping[str, Any]) -> tuple[list[Message], dict[str, Any]]:
    """The messages in a context, the last MESSAGES_MAX of them, and everything else in it."""
    for key in KEYS:
        value = context.get(key)
        if isinstance(value, list) and value and all(_is_message(entry) for entry in value):
            rest = {name: part for name, part in context.items() if name != key}
            return [_message(entry) for entry in value[-MESSAGES_MAX:]], rest
    return [], dict(context)


def _is_message(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(_author(entry), str) and _content(entry) is not None


def _author(entry: Mapping[str, Any]) -> Any:
    return entry.get("role") or entry.get("type") or entry.get("from")


def _content(entry: Mapping[str, Any]) -> Any:
    return next((entry[key] for key in ("content", "text", "parts") if entry.get(key) is not None), None)


def _message(entry: Mapping[str, Any]) -> Message:
    author = str(_author(entry))
    name = entry.get("name")
    shown = name if isinstance(name, str) and name else author.capitalize()
    return Message(ROLES.get(author.lower(), "tool"), shown[:80], _text(_content(entry)))


def _text(content: Any) -> str:
    """Text of a message's content; of a list of parts the texts, with other parts as JSON."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(_text(part) for part in content)
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return str(content["text"])
    return pretty(content)
