"""Raw spans to rows in the console's terms. Pure: no clock, no database; which key means what is in semconv."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from metrics.ingest import content, packing, pricing, usage
from metrics.ingest.limits import MAX_DETAIL_BYTES, UNREADABLE, Refused, refuse, text
from metrics.ingest.reading import Reader, parsed, plain, says_something
from metrics.ingest.rows import Batch, Price, RawEvent, RawSpan, SpanRow, Usage, Value
from metrics.ingest.semconv import (
    ENTRY_METADATA,
    ERROR_VALUES,
    EXCEPTION_EVENT,
    FIELDS,
    FINISH_REASONS,
    KIND_VALUES,
    LOGFIRE_ERROR,
    LOGFIRE_LEVEL,
    METADATA_SAID_ELSEWHERE,
    NOT_PROVIDERS,
    PROVIDER_HOSTS,
    STATED_STATUS,
    STREAMING,
    STREAMING_OPERATIONS,
    TAGS,
    TOOL_MARKS,
    TRACE_METADATA,
    TTFT,
    TTFT_EVENTS,
    TTFT_MOMENTS,
    WAITING_EXCEPTIONS,
)
from metrics.times import to_ns

# Bytes in UTF-8. The dimensions of a rollup are its key, and a key of PostgreSQL must stay below 2,700 bytes.
NAME_BYTES = 255
DIMENSION_BYTES = 120
ID_BYTES = 255
MESSAGE_BYTES = 4_000
MAX_TAGS = 50
MAX_METADATA = 64
METADATA_VALUE_BYTES = 1_000
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Window:
    """The start times that are accepted, in nanoseconds, both ends included."""

    earliest_ns: int
    latest_ns: int

    def refusal(self, start_ns: int) -> str:
        """Why a time is refused, or nothing."""
        if start_ns < self.earliest_ns:
            return "start time too old"
        return "start time too far in the future" if start_ns > self.latest_ns else ""


def spans(raw: Batch[RawSpan], window: Window) -> Batch[SpanRow]:
    """The rows of a batch: what cannot be stored is counted in `refused`, and what was refused before stays so."""
    batch: Batch[SpanRow] = Batch(refused=raw.refused)
    for one in raw.rows:
        if one.attributes.get("logfire.span_type") == "pending_span":
            continue  # a preview of a span that is still running; the span itself follows
        try:
            if reason := window.refusal(one.start_ns):
                raise Refused(reason)
            if one.end_ns > window.latest_ns:
                raise Refused("end time too far in the future")
            batch.rows.append(span(one))
        except UNREADABLE as error:  # Refused is one of them
            refuse(batch.refused, error)
    return batch


def span(raw: RawSpan) -> SpanRow:
    """The row of one span. Raises Refused when it is too large to keep."""
    reader, used = _read(raw)
    fields = {name: reader.text(keys) for name, keys in FIELDS.items()}
    provider = _provider(fields["provider"], fields, reader)
    status, error_type, error_message = _outcome(raw, reader, fields)
    found = content.of_span(reader, [content.Record(event.name, event.attributes) for event in raw.events])
    ttft_ns = _ttft(raw, reader)
    tags, metadata = _tags(reader), _trace_metadata(raw)
    return SpanRow(
        trace_id=raw.trace_id,
        span_id=raw.span_id,
        start_ns=raw.start_ns,
        duration_ns=max(raw.end_ns - raw.start_ns, 0),
        parent_span_id=raw.parent_span_id if any(raw.parent_span_id) else None,
        entry=not any(raw.parent_span_id) or raw.remote_parent,
        name=text(raw.name, NAME_BYTES),
        kind=reader.kind,
        status=status,
        error_type=error_type,
        error_message=error_message,
        model=text(fields["response_model"] or fields["request_model"], DIMENSION_BYTES),
        provider=provider,
        tool=_tool(reader.kind, fields["tool"]),
        agent=text(fields["agent"], DIMENSION_BYTES),
        agent_id=text(fields["agent_id"], ID_BYTES),
        agent_version=text(fields["agent_version"], DIMENSION_BYTES),
        session_id=text(fields["session_id"], ID_BYTES), user_id=text(fields["user_id"], ID_BYTES),
        environment=text(fields["environment"], DIMENSION_BYTES),
        service=service_name(fields["service"]),
        usage=used, price=_price(raw, reader, used, provider, fields),
        finish_reason=_finish_reason(fields["finish_reason"], found.output),
        ttft_ns=ttft_ns, streaming=_streaming(reader, ttft_ns),
        prompt_name=text(fields["prompt_name"], DIMENSION_BYTES),
        prompt_version=text(fields["prompt_version"], DIMENSION_BYTES),
        tags=tags, metadata=metadata, detail=_detail(raw, found, tags, metadata),
    )  # fmt: skip


def _read(raw: RawSpan) -> tuple[Reader, Usage]:
    """A reader that knows the kind of the span, and the usage that the span reports."""
    reader = Reader(raw.attributes, raw.source.resource, raw.name)
    used = usage.read(reader)
    reader.kind = _kind(reader, used != NO_USAGE)
    if used == NO_USAGE and reader.kind == "embedding":
        used = usage.read(reader)  # some keys mean tokens in spans of that kind only
    return reader, used


def _kind(reader: Reader, tokens_known: bool) -> str:
    for key, values in KIND_VALUES:
        value = reader.get(key)
        if not isinstance(value, str) or not value:
            continue
        word = plain(value).lower()
        found = values.get(word) or values.get("*." + word.rpartition(".")[2])
        if found:
            return found
    if any(mark in reader.attributes for mark in TOOL_MARKS):
        return "tool"
    if tokens_known and (reader.text(FIELDS["response_model"]) or reader.text(FIELDS["request_model"])):
        return "llm"
    return "other"


def _provider(given: str, fields: Mapping[str, str], reader: Reader) -> str:
    name = given.lower()
    if "ai.model.provider" in reader.attributes and "." in name:
        name = name.partition(".")[0]  # Vercel: "openai.chat", also in gen_ai.system
    if not name or name in NOT_PROVIDERS:
        prefix, slash, _ = (fields["response_model"] or fields["request_model"]).partition("/")
        name = prefix.lower() if slash else PROVIDER_HOSTS.get(plain(reader.attributes.get("server.address")), "")
    return text(name, DIMENSION_BYTES)


def _tool(kind: str, name: str) -> str:
    if kind != "tool":
        return ""
    return text(name.removeprefix("execute_tool ").removesuffix(".tool"), DIMENSION_BYTES)


def service_name(name: str) -> str:
    """The name of a service; SDKs that were given none write `unknown_service:...`."""
    return "" if name.startswith("unknown_service") else text(name, DIMENSION_BYTES)


def _outcome(raw: RawSpan, reader: Reader, fields: Mapping[str, str]) -> tuple[str, str, str]:
    """Status, error type and error message. An exception that means "wait for a person" is no error."""
    exception: Mapping[str, Value] = next(
        (event.attributes for event in reversed(raw.events) if event.name == EXCEPTION_EVENT), {}
    )
    kind = _short_type(fields["error_type"] or plain(exception.get("exception.type")))
    stated = reader.attributes.get(STATED_STATUS)
    if kind in WAITING_EXCEPTIONS or stated == "waiting":
        return "waiting", "", ""
    failed = raw.status_code == 2 or any(
        plain(reader.attributes.get(key)).lower() in values for key, values in ERROR_VALUES
    )
    level = reader.attributes.get(LOGFIRE_LEVEL)
    if not failed and not (isinstance(level, int) and level >= LOGFIRE_ERROR):
        return "ok", "", ""
    # The status text of some SDKs is the whole traceback; the exception's own message is the sentence to show.
    message = plain(exception.get("exception.message")) or fields["error_message"] or raw.status_message
    if not kind:
        kind = plain(reader.attributes.get("http.response.status_code"))
    return "error", text(kind, DIMENSION_BYTES), text(message, MESSAGE_BYTES)


def _short_type(name: str) -> str:
    """`package.module.TimeoutError` as `TimeoutError`; what is no dotted name stays."""
    last = name.rpartition(".")[2]
    return last if last.isidentifier() and " " not in name else name


def _price(raw: RawSpan, reader: Reader, used: Usage, provider: str, fields: Mapping[str, str]) -> Price:
    return pricing.price(
        used,
        provider=provider,
        models=(text(fields["response_model"], ID_BYTES), text(fields["request_model"], ID_BYTES)),
        start_ns=raw.start_ns,
        reported=pricing.reported_nanos(reader),
    )


def _finish_reason(given: str, output: Value) -> str:
    if not given and isinstance(output, list):
        last = next((one for one in reversed(output) if isinstance(one, dict) and one.get("finish_reason")), None)
        given = plain(last["finish_reason"]) if isinstance(last, dict) else ""
    return text(FINISH_REASONS.get(given.lower(), given), DIMENSION_BYTES)


def _ttft(raw: RawSpan, reader: Reader) -> int | None:
    for key, unit in TTFT:
        value = reader.attributes.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400_000:
            return round(value * unit)
    moments = [_moment_ns(plain(reader.attributes.get(key))) for key in TTFT_MOMENTS if key in reader.attributes]
    moments += [event.time_ns for event in raw.events if event.name in TTFT_EVENTS][:1]
    found = next((moment for moment in moments if moment is not None), None)
    return found - raw.start_ns if found is not None and raw.start_ns <= found <= raw.end_ns else None


def _moment_ns(moment: str) -> int | None:
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return to_ns(at)


def _streaming(reader: Reader, ttft_ns: int | None) -> bool | None:
    value = reader.first(STREAMING)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    key, ending = STREAMING_OPERATIONS
    if plain(reader.attributes.get(key)).lower().endswith(ending):
        return True
    return True if ttft_ns is not None else None


def _tags(reader: Reader) -> tuple[str, ...]:
    value = parsed(reader.first(TAGS))
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]  # LangSmith: "a, b"
    if not isinstance(value, list):
        return ()
    named = (text(plain(one), DIMENSION_BYTES) for one in value[:MAX_TAGS] if says_something(one))
    return tuple(dict.fromkeys(tag for tag in named if tag))


def _trace_metadata(raw: RawSpan) -> dict[str, Value]:
    """What the span says about the whole trace: propagated metadata of any span, objects of spans without a parent."""
    pairs: list[tuple[str, Value]] = []
    if not any(raw.parent_span_id):
        for name in ENTRY_METADATA:
            value = parsed(raw.attributes.get(name))
            if isinstance(value, dict):
                pairs += value.items()
    for name, value in raw.attributes.items():
        for prefix in TRACE_METADATA:
            if name.startswith(prefix):
                pairs.append((name.removeprefix(prefix), value))
    kept: dict[str, Value] = {}
    for name, value in pairs:
        if len(kept) < MAX_METADATA and name not in METADATA_SAID_ELSEWHERE and says_something(value):
            kept[text(name, DIMENSION_BYTES)] = _small(parsed(value))
    return kept


def _small(value: Value) -> Value:
    if isinstance(value, bool | int | float):
        return value
    return text(plain(value), METADATA_VALUE_BYTES)


def _detail(raw: RawSpan, found: content.Content, tags: tuple[str, ...], metadata: Mapping[str, Value]) -> bytes:
    attributes = raw.attributes
    if found.used:
        # Content is kept once, as input and output.
        attributes = {name: value for name, value in attributes.items() if name not in found.used}
    detail: dict[str, Any] = {
        "attributes": attributes,
        "resource": raw.source.resource,
        "scope": {"name": raw.source.scope_name, "version": raw.source.scope_version},
        "events": [_event(event) for event in raw.events if event.name not in content.CONTENT_NAMES],
        "links": [
            {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": link.attributes}
            for link in raw.links
        ],
        "input": found.input,
        "output": found.output,
        "tags": tags,
        "metadata": metadata,
    }
    if len(raw.name) > NAME_BYTES // 4:
        detail["name"] = raw.name
    return _json(detail)


def _json(detail: Mapping[str, Any]) -> bytes:
    """The detail as JSON; the writer packs it. Raises Refused when it is too large to keep."""
    try:
        encoded = orjson.dumps(detail, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise Refused("attributes cannot be stored") from error
    if len(encoded) > MAX_DETAIL_BYTES:
        raise Refused(f"larger than {MAX_DETAIL_BYTES} bytes")
    return encoded


def pack(detail: Mapping[str, Any]) -> bytes:
    """The packed detail of a row. Raises Refused when it is too large to keep."""
    try:
        packed = packing.pack(detail)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise Refused("attributes cannot be stored") from error
    if len(packed) > MAX_DETAIL_BYTES:
        raise Refused(f"larger than {MAX_DETAIL_BYTES} bytes")
    return packed


def _event(event: RawEvent) -> dict[str, Any]:
    return {"name": event.name, "time_ns": event.time_ns, "attributes": event.attributes}
