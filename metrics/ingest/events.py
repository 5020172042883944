"""The plain JSON batch of agents without OpenTelemetry: checked field by field, then the same raw rows as from OTLP.

All or nothing: one wrong field refuses the batch, with every error named by its path (`spans[3].start`).
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from metrics.ingest.limits import MAX_DEPTH, nested_deeper
from metrics.ingest.normalise import Window
from metrics.ingest.rows import RawPoint, RawSpan, Source, Value
from metrics.ingest.semconv import KINDS
from metrics.times import MAX_NS, to_ns

MAX_ITEMS = 5_000
MAX_ERRORS = 50
MAX_NAME_CHARS = 255
SCOPE_NAME = "handrail.events"

STATUS_CODES = {"ok": 1, "error": 2, "waiting": 1}
# Field of a span to the attribute that says the same in OpenTelemetry, or in this console where that has none.
TEXTS: Mapping[str, str] = {
    "model": "gen_ai.response.model",
    "provider": "gen_ai.provider.name",
    "tool": "gen_ai.tool.name",
    "agent": "gen_ai.agent.name",
    "agent_id": "gen_ai.agent.id",
    "agent_version": "gen_ai.agent.version",
    "session_id": "gen_ai.conversation.id",
    "user_id": "handrail.user_id",
    "finish_reason": "gen_ai.response.finish_reasons",
}
COUNTS: Mapping[str, str] = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_creation.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
}
RESOURCE_TEXTS: Mapping[str, str] = {"environment": "deployment.environment.name", "service": "service.name"}
CONTENT: Mapping[str, str] = {"input": "handrail.input", "output": "handrail.output"}
_READ_HERE = frozenset({
    *TEXTS, *COUNTS, *RESOURCE_TEXTS, *CONTENT, "trace_id", "span_id", "parent_span_id", "name", "kind", "start", "end",
    "duration_ms", "status", "error", "cost_usd", "time_to_first_token_ms", "streaming", "prompt", "tags", "metadata",
    "attributes",
})  # fmt: skip

RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?([Zz]|[+-]\d\d:\d\d)$", re.ASCII)


class Invalid(ValueError):
    """The batch is refused; `errors` says why by path."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {messages[0]}" for path, messages in list(errors.items())[:3]))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class HeartbeatEvent:
    """An agent's sign of life; `time_ns` None means now."""

    agent: str
    status: str
    time_ns: int | None
    components: Value
    circuit_breakers: Value


@dataclass(slots=True)
class Events:
    """What a batch holds."""

    spans: list[RawSpan] = field(default_factory=list)
    points: list[RawPoint] = field(default_factory=list)
    heartbeats: list[HeartbeatEvent] = field(default_factory=list)


def parse(document: Any, *, now_ns: int, window: Window) -> Events:
    """The events of a JSON document. Raises Invalid. `now_ns` stands in where a metric has no time."""
    errors = _Errors()
    if not isinstance(document, dict):
        errors.add("body", "must be an object")
        errors.raise_if_any()
    for name in document:
        if name not in {"spans", "metrics", "heartbeats"}:
            errors.add(str(name)[:80], "unknown; send spans, metrics or heartbeats")
    events = Events()
    for name, build, into in (
        ("spans", lambda entry: _span(entry, window), events.spans),
        ("metrics", lambda entry: _point(entry, now_ns, window), events.points),
        ("heartbeats", _heartbeat, events.heartbeats),
    ):
        _each(document.get(name), name, errors, build, into)
    errors.raise_if_any()
    return events


class _Errors:
    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def add(self, path: str, message: str) -> None:
        if len(self.found) < MAX_ERRORS:
            self.found.setdefault(path, []).append(message)

    def raise_if_any(self) -> None:
        if self.found:
            raise Invalid(self.found)


def _each(items: Any, name: str, errors: _Errors, build: Callable[["_Entry"], Any], into: list[Any]) -> None:
    if items is None:
        return
    if not isinstance(items, list):
        errors.add(name, "must be a list")
    elif len(items) > MAX_ITEMS:
        errors.add(name, f"at most {MAX_ITEMS} in one request")
    else:
        for index, item in enumerate(items):
            path = f"{name}[{index}]"
            if not isinstance(item, dict):
                errors.add(path, "must be an object")
            elif deep := [str(key)[:80] for key, value in item.items() if nested_deeper(value, MAX_DEPTH)]:
                errors.add(f"{path}.{deep[0]}", f"nested deeper than {MAX_DEPTH}")
            else:
                into.append(build(_Entry(item, path, errors)))


@dataclass(frozen=True, slots=True)
class _Entry:
    """One object of the batch. Reading a field checks it; what is wrong is noted and read as nothing."""

    members: Mapping[str, Any]
    path: str
    errors: _Errors

    def wrong(self, name: str, message: str) -> None:
        self.errors.add(f"{self.path}.{name}", message)

    def text(self, name: str, *, required: bool = False, longest: int = 1_000) -> str:
        value = self.members.get(name)
        if value is None or value == "":
            if required:
                self.wrong(name, "is required")
            return ""
        if not isinstance(value, str):
            self.wrong(name, "must be text")
            return ""
        if len(value) > longest:
            self.wrong(name, f"at most {longest} characters")
        return value

    def hex_id(self, name: str, size: int, *, required: bool) -> bytes:
        text = self.text(name, required=required)
        if not text:
            return b""
        try:
            value = bytes.fromhex(text) if len(text) == 2 * size else b""
        except ValueError:
            value = b""
        if not any(value):
            self.wrong(name, f"must be {2 * size} hex digits, not all zero")
        return value

    def count(self, name: str) -> int | None:
        value = self.members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
            self.wrong(name, "must be a whole number from 0")
            return None
        return value

    def amount(self, name: str, *, required: bool = False, lowest: float | None = None) -> float | None:
        value = self.members.get(name)
        if value is None:
            if required:
                self.wrong(name, "is required")
            return None
        number = value
        if isinstance(value, str) and len(value) <= 40:  # money is a decimal string elsewhere in the API
            try:
                number = float(value)
            except ValueError:
                number = None
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            self.wrong(name, "must be a number")
            return None
        if lowest is not None and number < lowest:
            self.wrong(name, f"must be at least {lowest:g}")
            return None
        return float(number)

    def object(self, name: str) -> dict[str, Value]:
        value = self.members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.wrong(name, "must be an object")
            return {}
        return value

    def structure(self, name: str) -> Value:
        return self.members[name] if isinstance(self.members.get(name), list) else self.object(name)

    def time(self, name: str, *, required: bool = False) -> int | None:
        value = self.members.get(name)
        if value is None:
            if required:
                self.wrong(name, "is required")
            return None
        moment = time_ns(value)
        if moment is None:
            self.wrong(name, "must be an RFC 3339 time with an offset, or nanoseconds since 1970")
        return moment


def time_ns(value: Any) -> int | None:
    """RFC 3339 text or nanoseconds (a number or digits) as nanoseconds since 1970; None when it is neither."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= MAX_NS else None
    match = RFC3339.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if offset in 'Zz' else offset}")
        found = to_ns(moment) + int((fraction or "0").ljust(9, "0")[:9])
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found <= MAX_NS else None


def _span(entry: _Entry, window: Window) -> RawSpan:
    start_ns = entry.time("start", required=True) or 0
    if start_ns and (reason := window.refusal(start_ns)):
        entry.wrong("start", reason.removeprefix("start time "))
    status, error = _status(entry)
    kind = entry.text("kind") or "other"
    if kind not in KINDS:
        entry.wrong("kind", f"must be one of {', '.join(KINDS)}")
    attributes = _attributes(entry) | {"handrail.kind": kind, "handrail.status": status} | error
    return RawSpan(
        trace_id=entry.hex_id("trace_id", 16, required=True),
        span_id=entry.hex_id("span_id", 8, required=True),
        parent_span_id=entry.hex_id("parent_span_id", 8, required=False),
        name=entry.text("name", required=True, longest=MAX_NAME_CHARS),
        start_ns=start_ns,
        end_ns=_end(entry, start_ns, window),
        remote_parent=False,
        status_code=STATUS_CODES[status],
        status_message="",
        attributes=attributes,
        events=(),
        links=(),
        source=_source(entry),
    )


def _source(entry: _Entry) -> Source:
    resource = {key: text for name, key in RESOURCE_TEXTS.items() if (text := entry.text(name))}
    return Source(resource=resource, scope_name=SCOPE_NAME)


def _end(entry: _Entry, start_ns: int, window: Window) -> int:
    end_ns = entry.time("end")
    duration_ms = entry.amount("duration_ms", lowest=0)
    if end_ns is None and duration_ms is not None:
        end_ns = start_ns + int(min(duration_ms, 1e13) * 1e6)
    if end_ns is None:
        if "end" not in entry.members:
            entry.wrong("end", "is required, or duration_ms")
        return start_ns
    if end_ns < start_ns:
        entry.wrong("end", "must not be before start")
    if end_ns > window.latest_ns:
        entry.wrong("end", "too far in the future")
    return end_ns


def _status(entry: _Entry) -> tuple[str, dict[str, Value]]:
    """The status and the attributes of its error; an error given makes it `error`."""
    error = entry.members.get("error")
    if isinstance(error, str):
        error = {"message": error}
    if error is not None and not isinstance(error, dict):
        entry.wrong("error", "must be text or an object with type and message")
        error = None
    status = entry.text("status") or ("error" if error else "ok")
    if status not in STATUS_CODES:
        entry.wrong("status", "must be ok, error or waiting")
        status = "ok"
    if not error:
        return status, {}
    inner = _Entry(error, f"{entry.path}.error", entry.errors)
    return status, {
        "error.type": inner.text("type"),
        "error.message": inner.text("message", longest=100_000),
    }


def _attributes(entry: _Entry) -> dict[str, Value]:
    """The attributes of a span: its own, members that are not known here, and the known ones by their names."""
    attributes = {str(name): value for name, value in entry.members.items() if name not in _READ_HERE}
    attributes |= entry.object("attributes")
    attributes |= {key: text for name, key in TEXTS.items() if (text := entry.text(name))}
    attributes |= {key: count for name, key in COUNTS.items() if (count := entry.count(name)) is not None}
    attributes |= {key: entry.members[name] for name, key in CONTENT.items() if entry.members.get(name) is not None}
    if entry.amount("cost_usd", lowest=0) is not None:
        attributes["gen_ai.usage.cost"] = entry.members["cost_usd"]
    ttft_ms = entry.amount("time_to_first_token_ms", lowest=0)
    if ttft_ms is not None:
        attributes["ttft_ms"] = ttft_ms
    streaming = entry.members.get("streaming")
    if isinstance(streaming, bool):
        attributes["gen_ai.request.stream"] = streaming
    elif streaming is not None:
        entry.wrong("streaming", "must be true or false")
    prompt = _Entry(entry.object("prompt"), f"{entry.path}.prompt", entry.errors)
    for name in ("name", "version"):
        if prompt.text(name):
            attributes[f"gen_ai.prompt.{name}"] = prompt.text(name)
    tags = entry.members.get("tags")
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        attributes["handrail.tags"] = list(tags)
    elif tags is not None:
        entry.wrong("tags", "must be a list of text")
    if metadata := entry.object("metadata"):
        attributes["handrail.metadata"] = metadata
    return attributes


def _point(entry: _Entry, now_ns: int, window: Window) -> RawPoint:
    moment = entry.time("time")
    at_ns = now_ns if moment is None else moment
    if reason := window.refusal(at_ns):
        entry.wrong("time", reason.removeprefix("start time "))
    return RawPoint(
        name=entry.text("name", required=True, longest=MAX_NAME_CHARS),
        unit=entry.text("unit", longest=100),
        kind="gauge",
        temporality="",
        monotonic=False,
        time_ns=at_ns,
        start_ns=0,
        value=entry.amount("value", required=True),
        count=None,
        total=None,
        minimum=None,
        maximum=None,
        buckets=None,
        attributes=entry.object("tags"),
        source=_source(entry),
    )


def _heartbeat(entry: _Entry) -> HeartbeatEvent:
    return HeartbeatEvent(
        agent=entry.text("agent", required=True, longest=120),
        status=entry.text("status", required=True, longest=40),
        time_ns=entry.time("time"),
        components=entry.structure("components"),
        circuit_breakers=entry.structure("circuit_breakers"),
    )
