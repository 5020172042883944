"""OpenInference spans as nested JSON (`child_spans`), as Patronus and the TRAIL benchmark write them.

A document is {"trace_id", "spans": [span, ...]}; a span has `timestamp` (UTC when it names no offset), `duration` (ISO
8601), `span_attributes`, `resource_attributes`, `events`, `links`, `logs`, and its children in `child_spans`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from metrics.ingest.events import time_ns
from metrics.ingest.limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_EVENTS,
    MAX_LINKS,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Malformed,
    Refused,
    check_ids,
    nested_deeper,
)
from metrics.ingest.rows import Attributes, Batch, RawEvent, RawLink, RawLog, RawSpan, Source, Value
from metrics.times import NS_PER_SECOND

DURATION = re.compile(
    r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,11})(?:\.(\d{1,9})\d*)?S)?)?", re.ASCII
)
STATUS = {"unset": 0, "ok": 1, "error": 2}

Object = Mapping[str, Any]


def spans_and_logs(document: Object) -> tuple[Batch[RawSpan], Batch[RawLog]]:
    """All spans of a document, parents before children, and their log records.

    Rows over the limits are counted as refused. Raises Malformed naming the field that is wrong.
    """
    spans: Batch[RawSpan] = Batch()
    logs: Batch[RawLog] = Batch()
    seen: Counter[tuple[bytes, bytes, int]] = Counter()
    for path, entry in _walk(document):
        source = _source(entry, path)
        try:
            spans.rows.append(_span(entry, path, source, seen))
        except Refused as refusal:
            spans.refused[str(refusal)] += 1
        for index, record in enumerate(_list(entry, "logs", path)):
            where = f"{path}.logs[{index}]"
            try:
                logs.rows.append(_log(_object(record, where), where))
            except Refused as refusal:
                logs.refused[str(refusal)] += 1
    return spans, logs


def _walk(document: Object) -> Iterator[tuple[str, Object]]:
    """Every span with its path, depth first and without recursion."""
    stack = [(f"spans[{n}]", entry) for n, entry in reversed(list(enumerate(_list(document, "spans", ""))))]
    while stack:
        path, value = stack.pop()
        entry = _object(value, path)
        yield path, entry
        children = _list(entry, "child_spans", path)
        stack.extend((f"{path}.child_spans[{n}]", child) for n, child in reversed(list(enumerate(children))))


def _span(entry: Object, path: str, source: Source, seen: Counter[tuple[bytes, bytes, int]]) -> RawSpan:
    trace_id, span_id = _id(entry, "trace_id", path), _id(entry, "span_id", path)
    check_ids(trace_id, span_id)
    start_ns = _time(entry, "timestamp", path)
    end_ns = start_ns + _duration(entry, path)
    key = (trace_id, span_id, start_ns)
    # Archives list a step that was recorded twice twice, and their references count it twice. A nanosecond apart both
    # are kept, under the id that labels name, and meet themselves when the file comes again.
    start_ns += seen[key]
    seen[key] += 1
    events, links = _list(entry, "events", path), _list(entry, "links", path)
    if len(events) > MAX_EVENTS or len(links) > MAX_LINKS:
        raise Refused(f"more than {MAX_EVENTS} events or {MAX_LINKS} links")
    return RawSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=_id(entry, "parent_span_id", path),
        name=_text(entry, "span_name", path),
        start_ns=start_ns,
        end_ns=end_ns,
        remote_parent=False,
        status_code=STATUS.get(_text(entry, "status_code", path).lower(), 0),
        status_message=_text(entry, "status_message", path),
        attributes=_attributes(entry, "span_attributes", path),
        events=tuple(_event(event, f"{path}.events[{index}]") for index, event in enumerate(events)),
        links=tuple(_link(link, f"{path}.links[{index}]") for index, link in enumerate(links)),
        source=source,
    )


def _event(value: Any, path: str) -> RawEvent:
    event = _object(value, path)
    return RawEvent(_text(event, "Name", path), _time(event, "Timestamp", path), _attributes(event, "Attributes", path))


def _link(value: Any, path: str) -> RawLink:
    link = _object(value, path)
    return RawLink(_id(link, "TraceId", path), _id(link, "SpanId", path), _attributes(link, "Attributes", path))


def _log(record: Object, path: str) -> RawLog:
    time = _time(record, "timestamp", path)
    severity = record.get("severity_number")
    body: Value = record.get("body")
    if nested_deeper(body, MAX_DEPTH):
        raise Refused(f"attributes nested deeper than {MAX_DEPTH}")
    return RawLog(
        time_ns=time,
        observed_ns=time,
        trace_id=_id(record, "trace_id", path),
        span_id=_id(record, "span_id", path),
        severity=severity if isinstance(severity, int) else 0,
        severity_text=_text(record, "severity_text", path),
        event_name="",
        body=body,
        attributes=_attributes(record, "log_attributes", path),
        source=_source(record, path),
    )


def _source(entry: Object, path: str) -> Source:
    resource = dict(_attributes(entry, "resource_attributes", path))
    if service := _text(entry, "service_name", path):
        resource.setdefault("service.name", service)
    return Source(resource, _text(entry, "scope_name", path), _text(entry, "scope_version", path))


def _object(value: Any, path: str) -> Object:
    if not isinstance(value, dict):
        raise Malformed(f"{path}: an object expected")
    return value


def _list(entry: Object, key: str, path: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{path}.{key}: a list expected".lstrip("."))
    return value


def _text(entry: Object, key: str, path: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{path}.{key}: text expected")
    return value


def _attributes(entry: Object, key: str, path: str) -> Attributes:
    value = _object(entry.get(key) or {}, f"{path}.{key}")
    if len(value) > MAX_ATTRIBUTES:
        raise Refused(f"more than {MAX_ATTRIBUTES} attributes")
    if nested_deeper(value, MAX_DEPTH):
        raise Refused(f"attributes nested deeper than {MAX_DEPTH}")
    return value


def _id(entry: Object, key: str, path: str) -> bytes:
    text = _text(entry, key, path)
    size = TRACE_ID_BYTES if key.lower().startswith("trace") else SPAN_ID_BYTES
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b"?"
    if text and len(raw) != size:
        raise Malformed(f"{path}.{key}: {2 * size} hex digits expected")
    return raw


def _time(entry: Object, key: str, path: str) -> int:
    text = _text(entry, key, path)
    found = time_ns(text)
    if found is None:
        found = time_ns(f"{text}Z")  # without an offset: UTC
    if found is None:
        raise Malformed(f"{path}.{key}: a time in ISO 8601 expected")
    return found


def _duration(entry: Object, path: str) -> int:
    """Nanoseconds of an ISO 8601 duration of days, hours, minutes and seconds."""
    match = DURATION.fullmatch(_text(entry, "duration", path))
    if match is None or not any(match.groups()):
        raise Malformed(f"{path}.duration: an ISO 8601 duration expected")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    fraction = int((match[5] or "0").ljust(9, "0"))
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * NS_PER_SECOND + fraction
