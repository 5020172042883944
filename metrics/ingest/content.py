"""What went into an operation and what came out, wherever the sender put it: attributes, span events or log records.

Ingest stores content as it came; JSON inside text is parsed by `read`, when somebody looks at it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from metrics.ingest.plans import Entries, KindPlan
from metrics.ingest.reading import Reader, parsed, plain, says_something
from metrics.ingest.rows import Attributes, RawEvent, Value
from metrics.ingest.semconv import SYSTEM_INSTRUCTIONS

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
TOOL_OUTPUT = "tool.output"
# A log record that says what an operation failed with.
EXCEPTION_RECORD = "gen_ai.client.operation.exception"
CONTENT_NAMES = frozenset({*MESSAGE_ROLES, CHOICE, DETAILS, *PROMPT_EVENTS, TOOL_OUTPUT})
# The longest output that ingest looks into for why the model stopped.
MOST_OUTPUT_CHARS = 256 * 1024


class Record(NamedTuple):
    """A span event or a log record that may carry content; events have no body."""

    name: str
    attributes: Attributes
    body: Value = None


@dataclass(slots=True)
class Content:
    """Input and output of one operation, None where nothing was sent, and the span's events that are no content."""

    input: Value = None
    output: Value = None
    events: list[dict[str, Any]] = field(default_factory=list)


class Taken(NamedTuple):
    """Content of a span's attributes as it came, and the attributes without it: content is kept once."""

    input: Value
    output: Value
    system: Value
    attributes: dict[str, Value]


def take(reader: Reader, plan: KindPlan) -> Taken:
    """The content of a span's own attributes."""
    rest = dict(reader.attributes)
    found = _first(reader, plan.input, rest) if plan.input else None
    output = _first(reader, plan.output, rest) if plan.output else None
    return Taken(found, output, rest.pop(SYSTEM_INSTRUCTIONS, None), rest)


def read(detail: Mapping[str, Any], records: Iterable[Record] = ()) -> Content:
    """The content of a stored detail (see metrics.ingest.normalise), its JSON parsed.

    What its attributes do not say is taken from its events, and what these do not say from log records of the span:
    SDKs that write to several places write the same.
    """
    events = detail.get("events") or []
    content = Content(parsed(detail.get("input")), parsed(detail.get("output")))
    content.events = [event for event in events if event.get("name") not in CONTENT_NAMES]
    told = [Record(event["name"], event.get("attributes") or {}) for event in events] if events else []
    for source in (told, list(records)):
        if source and (content.input is None or content.output is None):
            found = of_records(source)
            content.input = found.input if content.input is None else content.input
            content.output = found.output if content.output is None else content.output
    content.input = _with_system(parsed(detail.get("system")), content.input)
    return content


def is_complete(detail: Mapping[str, Any]) -> bool:
    """Whether a stored detail has both input and output, so that log records could add nothing."""
    if "input" in detail and "output" in detail:
        return True
    alone = read({**detail, "system": None})
    return alone.input is not None and alone.output is not None


def finish_reason(output: Value, events: Iterable[RawEvent] = ()) -> str:
    """Why the model stopped, as its output or a choice among the events says; empty when neither does."""
    for event in events:
        if event.name == CHOICE and (reason := event.attributes.get("finish_reason")):
            return plain(reason)
    if isinstance(output, str):
        if "finish_reason" not in output or len(output) > MOST_OUTPUT_CHARS:
            return ""
        output = parsed(output)
    messages = output if isinstance(output, list) else [output]
    for message in reversed(messages):
        if isinstance(message, dict) and (reason := message.get("finish_reason")):
            return plain(reason)
    return ""


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
        elif record.name == TOOL_OUTPUT:
            content.output = content.output or _members(record) or None
        elif record.name in PROMPT_EVENTS:
            value = parsed(record.attributes.get(PROMPT_EVENTS[record.name]))
            if record.name == "gen_ai.content.prompt":
                content.input = content.input or value
            else:
                content.output = content.output or value
    content.input = content.input or messages or None
    content.output = content.output or choices or None
    return content


def _first(reader: Reader, entries: Entries, rest: dict[str, Value]) -> Value:
    for name, key in entries:
        value = reader.attributes[name] if name else reader.get(key)
        if value is None or not says_something(value):
            continue
        if key.place == "flat":
            for used in reader.flat[key.name]:
                rest.pop(used, None)
            return _unwrapped(value)
        if name:
            rest.pop(name, None)
        return value
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
    if not says_something(instructions) or _begins_with_system(messages):
        return messages
    system: dict[str, Value] = {"role": "system", "parts": instructions}
    if isinstance(messages, list):
        return [system, *messages]
    return [system] if messages is None else [system, messages]


def _begins_with_system(messages: Value) -> bool:
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and first.get("role") == "system"


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
