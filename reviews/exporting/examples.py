"""An example as a conversation and a tool call, as models are trained on them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reviews.conversation import Message, split

NAME_CHARS = 64
NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def messages_of(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What led to the proposal, as chat messages: the state as a system message, then the conversation.

    A result of another tool is quoted in a user message, for chat formats know such results only behind their calls.
    Empty where the agent said nothing of what it knew. Its summary is no stand-in: it tells of the proposal itself, so
    a model would learn to copy it, or to do something else than it was told.
    """
    context = line["context"] if isinstance(line["context"], dict) else {}
    conversation, state = split(context)
    messages = [_message(message) for message in conversation]
    if state:
        first = messages.pop(0)["content"] + "\n\n" if messages and messages[0]["role"] == "system" else ""
        messages.insert(0, {"role": "system", "content": f"{first}State:\n{_json(state)}"})
    if messages and not any(message["role"] == "user" for message in messages):
        messages.append({"role": "user", "content": f"Do what is needed: {line['action']}."})
    return messages


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "user", "content": f"Result of {message.name}:\n{message.text}"}
    return {"role": message.role, "content": message.text}


def call_of(line: Mapping[str, Any], arguments: Any) -> dict[str, Any]:
    """The assistant's message that calls the tool with these arguments."""
    function = {"name": function_name(line["action"]), "arguments": _json(arguments)}
    return {"role": "assistant", "tool_calls": [{"id": "call_0", "type": "function", "function": function}]}


def tool_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """The tool as far as the example shows it: its name and the arguments with the types they had."""
    shown = {**_members(line["proposed_arguments"]), **_members(line["final_arguments"])}
    properties = {name: _schema(value) for name, value in shown.items()}
    function = {
        "name": function_name(line["action"]),
        "description": line["action"],
        "parameters": {"type": "object", "properties": properties},
    }
    return {"type": "function", "function": function}


def function_name(action: str) -> str:
    """An action's name as OpenAI takes names of functions: letters, digits, _ and -, at most 64."""
    return NOT_IN_NAMES.sub("_", action)[:NAME_CHARS]


def _schema(value: Any) -> dict[str, Any]:
    found = JSON_TYPES.get(type(value))
    if found is None:
        return {}
    return {"type": found, "items": {}} if found == "array" else {"type": found}


def _members(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
