"""What went into an operation and what came out, wherever the sender put it: attributes, span events or log records."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from metrics.ingest.reading import Reader, parsed, says_something
from metrics.ingest.rows import Attributes, Value
from metrics.ingest.semconv import INPUT, OUTPUT, SYSTEM_INSTRUCTIONS, Keys

MESSAGE_ROLES: Mapping[str, str] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE = "gen_ai.choice"
DETAILS = "gen_ai.client.inference.operation.details"
# Older span events carry the whole prompt in one attribute.
PROMPT_EVENTS: Mapping[str, str] = {
    "gen_ai.content.prompt": "gen_ai.prompt",
    "gen_ai.content.completion": "gen_ai.completion",
}
CONTENT_NAMES = frozenset({*MESSAGE_ROLES, CHOICE, DETAILS, *PROMPT_EVENTS})


class Record(NamedTuple):
    """A span event or a log record that may carry content; events have no body."""

    name: str
    attributes: Attributes
    body: Value = None


@dataclass(slots=True)
class Content:
    """Input and output of one operation; None where nothing was sent. `used` are the attributes that they came from."""

    input: Value = None
    output: Value = None
    used: set[str] = field(default_factory=set)


def of_span(reader: Reader, events: Iterable[Record]) -> Content:
    """The content of a span's own attributes and, for what these do not say, of its events."""
    content = Content()
    content.input = _take(reader, INPUT, content.used)
    content.output = _take(reader, OUTPUT, content.used)
    instructions = reader.attributes.get(SYSTEM_INSTRUCTIONS)
    if instructions is not None and says_something(instructions):
        content.used.add(SYSTEM_INSTRUCTIONS)
        content.input = _with_system(parsed(instructions), content.input)
    if content.input is None or content.output is None:
        found = of_records(events)
        content.input = found.input if content.input is None else content.input
        content.output = found.output if content.output is None else content.output
    return content


def of_records(records: Iterable[Record]) -> Content:
    """The messages of span events or log records, in their order. What is no content is passed over."""
    messages: list[Value] = []
    choices: list[Value] = []
    content = Content()
    for record in records:
        if record.name in MESSAGE_ROLES:
            messages.append({"role": MESSAGE_ROLES[record.name], **_members(record)})
        elif record.name == CHOICE:
            choices.append(_choice(_members(record)))
        elif record.name == DETAILS:
            members = _members(record)
            content.input = content.input or _with_system(
                parsed(members.get(SYSTEM_INSTRUCTIONS)), parsed(members.get("gen_ai.input.messages"))
            )
            content.output = content.output or parsed(members.get("gen_ai.output.messages"))
        elif record.name in PROMPT_EVENTS:
            value = parsed(record.attributes.get(PROMPT_EVENTS[record.name]))
            if record.name == "gen_ai.content.prompt":
                content.input = content.input or value
            else:
                content.output = content.output or value
    content.input = content.input or messages or None
    content.output = content.output or choices or None
    return content


def _take(reader: Reader, keys: Keys, used: set[str]) -> Value:
    for key in reader.present(keys):
        value = reader.get(key)
        if value is None or not says_something(value):
            continue
        if key.place == "flat":
            used.update(name for name in reader.attributes if name.startswith(key.name))
            return _unwrapped(value)
        if not key.path:
            used.add(key.name)
        return reader.json(key.name, value) if key.place == "span" and not key.path else value
    return None


def _unwrapped(value: Value) -> Value:
    """Lists of OpenInference without the object around each element: [{"message": {...}}] as [{...}]."""
    if isinstance(value, list):
        return [
            _unwrapped(next(iter(one.values()))) if isinstance(one, dict) and _is_wrapper(one) else _unwrapped(one)
            for one in value
        ]
    if isinstance(value, dict):
        return {name: _unwrapped(inner) for name, inner in value.items()}
    return value


def _is_wrapper(one: Mapping[str, Value]) -> bool:
    return len(one) == 1 and next(iter(one)) in {"message", "tool_call", "message_content"}


def _with_system(instructions: Value, messages: Value) -> Value:
    if not says_something(instructions):
        return messages
    system: dict[str, Value] = {"role": "system", "parts": instructions}
    if isinstance(messages, list):
        return [system, *messages]
    return [system] if messages is None else [system, messages]


def _members(record: Record) -> dict[str, Value]:
    """The fields of a message: of the body when it is an object, else of the attributes; JSON inside them is parsed."""
    body = parsed(record.body)
    if isinstance(body, dict):
        return {name: parsed(value) for name, value in {**_messages_only(record.attributes), **body}.items()}
    members = {name: parsed(value) for name, value in record.attributes.items() if name not in _NOT_MESSAGE}
    if says_something(body):
        members.setdefault("content", body)
    return members


_NOT_MESSAGE = frozenset({"gen_ai.system", "gen_ai.provider.name", "event.name"})


def _messages_only(attributes: Attributes) -> dict[str, Value]:
    return {
        name: value for name, value in attributes.items() if name.endswith(".messages") or name == SYSTEM_INSTRUCTIONS
    }


def _choice(members: dict[str, Value]) -> Value:
    message = members.pop("message", None)
    if isinstance(message, dict):
        members = {**message, **{name: value for name, value in members.items() if name != "index"}}
    elif message is not None:
        members["content"] = message
    return {"role": "assistant"} | members
