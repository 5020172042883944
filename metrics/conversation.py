"""Reads what a model was told and answered as a conversation, whichever SDK wrote it down.

Pure. Input is whatever JSON an agent sent; nothing here trusts it, and everything that is returned is plain text for a
template to escape. What is not a conversation comes back as one block of text or JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

LONGEST_TEXT = 20_000
MOST_MESSAGES = 300
ROLES = {
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
}
LOOKS = frozenset(ROLES.values())
_PAIR_ROLES = tuple(ROLES)
# A tuple: what an agent sends as a type may be a list, which no set can be asked for.
_CALLS = ("tool_call", "tool_use", "tool-call", "function_call", "server_tool_call")
_RESULTS = {"tool_call_response", "tool_result", "tool-result", "function_call_output", "server_tool_call_response"}
_THOUGHTS = {"reasoning", "thinking"}
_MEDIA = {"image", "image_url", "input_image", "audio", "input_audio", "video", "file", "document", "blob", "uri"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message. `kind`: text, reasoning, call, result, media or data (JSON as text)."""

    kind: str
    text: str
    name: str = ""
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `role`: system, user, assistant, tool, or empty when none was given."""

    role: str
    parts: list[Part] = field(default_factory=list)

    @property
    def look(self) -> str:
        """The role as far as it has a look of its own, else "other", or "raw" for what is no message."""
        return self.role if self.role in LOOKS else "other" if self.role else "raw"


def messages(value: Any) -> list[Message]:
    """The turns of a recorded input or output; a value that is no conversation is one message without a role."""
    value = decoded(value)
    if value is None or value in ("", [], {}):
        return []
    turns = _turns(value)
    if turns is None:
        return [Message("", [_block(value)])]
    return turns[:MOST_MESSAGES]


def decoded(value: Any) -> Any:
    """JSON that was sent as text, as a value; any other value as it is. SDKs like to encode twice."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            break
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            break
    return value


def pretty(value: Any) -> str:
    """Indented JSON."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()


def _turns(value: Any) -> list[Message] | None:
    """Messages, or None when the value does not look like any."""
    if isinstance(value, Mapping):
        inner = decoded(value.get("messages"))
        if isinstance(inner, list) and inner:
            told = _turns(inner)
        elif isinstance(value.get("prompt"), str) and set(value) <= {"prompt", "system"}:
            # As a caller of the Vercel AI SDK writes it.
            told = [_told("user", value["prompt"])]
        else:
            return [_message(value)] if _role_of(value) else None
        system = value.get("system")
        return [_told("system", system), *told] if told and isinstance(system, str) and system else told
    if isinstance(value, list):
        flat = value[0] if len(value) == 1 and isinstance(value[0], list) and not _is_pair(value[0]) else value
        if flat and all(_is_pair(item) or (isinstance(item, Mapping) and _role_of(item)) for item in flat):
            return [_told(ROLES[item[0]], item[1]) if _is_pair(item) else _message(item) for item in flat]
        if flat and all(_is_call(item) for item in flat):
            # Vercel's ai.response.toolCalls: a model that says nothing but what it wants called.
            return [Message("assistant", [_call(item) for item in flat])]
        if flat and all(isinstance(item, str) for item in flat):
            # Its ai.values too: every text encoded once more.
            return [Message("", [_block(decoded(item)) for item in flat])]
    return None


def _is_call(item: Any) -> bool:
    return isinstance(item, Mapping) and (item.get("type") in _CALLS or "toolCallId" in item) and bool(_name(item))


def _told(role: str, text: str) -> Message:
    return Message(role, [_text("text", text)])


def _is_pair(item: Any) -> bool:
    """["user", "hi"], as LangChain lets callers write a message."""
    return isinstance(item, list) and len(item) == 2 and item[0] in _PAIR_ROLES and isinstance(item[1], str)


def _unwrapped(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenInference nests under "message", LangChain's serialisations under "kwargs" and "data"."""
    for key in ("message", "kwargs", "data"):
        inner = item.get(key)
        if isinstance(inner, Mapping) and ("content" in inner or "role" in inner or "tool_calls" in inner):
            return inner
    return item


def _role_of(item: Mapping[str, Any]) -> str:
    inner = _unwrapped(item)
    role = inner.get("role") or inner.get("type") or item.get("type")
    if isinstance(role, str) and role.lower() in ROLES:
        return ROLES[role.lower()]
    if isinstance(inner.get("role"), str) and any(key in inner for key in ("content", "parts", "tool_calls")):
        return str(inner["role"])[:40]
    return ""


def _message(item: Mapping[str, Any]) -> Message:
    inner = _unwrapped(item)
    role = _role_of(item)
    parts: list[Part] = []
    for key in ("reasoning_content", "content", "parts", "contents"):
        if inner.get(key) not in (None, "", []):
            parts.extend(_parts(inner[key], role))
    calls = decoded(inner.get("tool_calls"))
    if isinstance(calls, list):
        parts.extend(_call(call) for call in calls if isinstance(call, Mapping))
    if isinstance(inner.get("function_call"), Mapping):
        parts.append(_call(inner["function_call"]))
    if role == "tool" and len(parts) == 1 and parts[0].kind in {"text", "data"}:
        parts = [Part("result", parts[0].text, str(inner.get("name") or ""), parts[0].cut)]
    if role == "user" and parts and all(part.kind == "result" for part in parts):
        # Anthropic and Bedrock let results of tools come from the user, who said nothing.
        role = "tool"
    return Message(role, parts)


def _parts(content: Any, role: str) -> list[Part]:
    content = decoded(content) if isinstance(content, str) and content.lstrip()[:2] in ("[{", "[ {") else content
    if isinstance(content, str):
        if role == "tool":
            value = decoded(content)
            return [_block(value)]
        return [_text("text", content)]
    if isinstance(content, list):
        return [_part(item) for item in content]
    if isinstance(content, Mapping):
        return [_part(content)]
    return [_block(content)]


def _part(item: Any) -> Part:
    if not isinstance(item, Mapping):
        return _block(item)
    inner = item.get("message_content") if isinstance(item.get("message_content"), Mapping) else item
    assert isinstance(inner, Mapping)
    kind = str(inner.get("type") or "")
    if kind in _CALLS or "tool_call" in inner:
        return _call(inner)
    if kind in _RESULTS:
        return _result(_first(inner, "response", "result", "output", "content"), _name(inner))
    for key in ("toolUse", "toolResult"):
        nested = inner.get(key)
        if isinstance(nested, Mapping):
            return _call(nested) if key == "toolUse" else _result(nested.get("content"), _name(nested))
    if kind in _THOUGHTS:
        return _text("reasoning", str(_first(inner, "content", "thinking", "text", "reasoning") or ""))
    if kind in _MEDIA:
        return Part("media", _describe(inner, kind))
    text = _first(inner, "text", "content", "input_text")
    if isinstance(text, str) and (kind in {"", "text", "input_text", "output_text"}):
        return _text("text", text)
    return _block(inner)


def _call(item: Mapping[str, Any]) -> Part:
    inner = item.get("tool_call") if isinstance(item.get("tool_call"), Mapping) else item
    assert isinstance(inner, Mapping)
    function = inner.get("function") if isinstance(inner.get("function"), Mapping) else inner
    assert isinstance(function, Mapping)
    arguments = _first(function, "arguments", "args", "input", "parameters")
    return _block(decoded(arguments), kind="call", name=_name(function))


def _result(value: Any, name: str) -> Part:
    """What a tool answered; pieces of text are put together."""
    value = decoded(value)
    if isinstance(value, list) and value and all(_is_text(one) for one in value):
        value = "\n".join(one["text"] for one in value)
    return _block(value, kind="result", name=name)


def _is_text(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("text"), str) and set(item) <= {"type", "text"}


def _name(item: Mapping[str, Any]) -> str:
    return str(_first(item, "name", "toolName", "tool_name") or "")[:200]


def _describe(item: Mapping[str, Any], kind: str) -> str:
    """What a placeholder says about media: its sort and size, never its address as something to load."""
    label = {"image_url": "image", "input_image": "image", "input_audio": "audio", "blob": "file", "uri": "file"}
    source = item.get("source") if isinstance(item.get("source"), Mapping) else {}
    assert isinstance(source, Mapping)
    media_type = _first(item, "mime_type", "media_type", "mimeType") or source.get("media_type")
    modality = item.get("modality")
    words = [str(modality or label.get(kind, kind))]
    if isinstance(media_type, str):
        words.append(media_type[:60])
    data = _first(item, "data", "content", "blob") or source.get("data")
    if isinstance(data, str) and len(data) > 100:
        words.append(f"~{len(data) * 3 // 4 // 1024} KiB")
    return ", ".join(words)


def _first(item: Mapping[str, Any], *keys: str) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _block(value: Any, *, kind: str = "", name: str = "") -> Part:
    if isinstance(value, str):
        return _text(kind or "text", value, name)
    if value is None:
        return Part(kind or "data", "", name)
    return _text(kind or "data", pretty(value), name)


def _text(kind: str, text: str, name: str = "") -> Part:
    return Part(kind, text[:LONGEST_TEXT], name, max(len(text) - LONGEST_TEXT, 0))
