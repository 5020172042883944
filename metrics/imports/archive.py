"""One document of an archive, whichever of the known shapes it has, to raw rows and scores."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from metrics import scoring
from metrics.imports import nested
from metrics.ingest import events, otlp
from metrics.ingest.limits import TRACE_ID_BYTES, Malformed
from metrics.ingest.normalise import Window
from metrics.ingest.rows import Batch, RawLog, RawSpan
from metrics.scoring import Draft, Refused

OTLP = {"resourceSpans": "spans", "resource_spans": "spans", "resourceLogs": "logs", "resource_logs": "logs"}
# What our own JSON says of a span that is worked out anew, or is about the span rather than part of it.
_NOT_SENT = frozenset({
    "cost_usd", "cost_source", "reported_cost_usd", "price_version", "counted", "scores", "agent_stated", "noise",
})  # fmt: skip
_OF_TRACE = ("environment", "tags", "metadata")
_INDEX = re.compile(r"^spans\[(\d+)\]")


@dataclass(slots=True)
class Content:
    """What a document holds."""

    spans: Batch[RawSpan] = field(default_factory=Batch)
    logs: Batch[RawLog] = field(default_factory=Batch)
    scores: list[Draft] = field(default_factory=list)


def content_of(document: Any, window: Window) -> Content:
    """The rows of a document. Raises Malformed, naming the field, for what is wrong or of no known shape."""
    if not isinstance(document, Mapping):
        raise Malformed("body: an object expected")
    signal = next((OTLP[key] for key in document if key in OTLP), "")
    if signal == "spans":
        return Content(spans=otlp.spans(orjson.dumps(document), json=True))
    if signal == "logs":
        return Content(logs=otlp.logs(orjson.dumps(document), json=True))
    entries = document.get("spans")
    if not isinstance(entries, list):
        raise Malformed("spans: a list expected, or resourceSpans as OTLP has them")
    if any(isinstance(entry, Mapping) and "child_spans" in entry for entry in entries):
        spans, logs = nested.spans_and_logs(document)
        return Content(spans, logs)
    return _exported(document, entries, window)


def _exported(document: Mapping[str, Any], entries: list[Any], window: Window) -> Content:
    """A trace as `GET /api/v1/traces/{id}` writes it. Costs are computed anew, reported ones are kept."""
    try:
        trace_id = scoring.hex_id(document, "trace_id", TRACE_ID_BYTES)
    except Refused as refusal:
        raise Malformed(str(refusal)) from refusal
    if trace_id is None:
        raise Malformed("trace_id: is required")
    about = {name: document[name] for name in _OF_TRACE if document.get(name)}
    spans = [_as_sent(entry, trace_id.hex(), about) for entry in entries]
    found = Content(scores=list(_scores(document, entries, trace_id)))
    for first in range(0, len(spans), events.MAX_ITEMS):
        part = {"spans": spans[first : first + events.MAX_ITEMS]}
        try:
            found.spans.rows += events.parse(part, now_ns=0, window=window).spans
        except events.Invalid as invalid:
            path, messages = next(iter(invalid.errors.items()))
            raise Malformed(f"{_shifted(path, first)}: {messages[0]}") from invalid
    return found


def _shifted(path: str, by: int) -> str:
    """The path of a span in the whole document instead of in one part of it."""
    return _INDEX.sub(lambda match: f"spans[{int(match[1]) + by}]", path)


def _as_sent(entry: Any, trace_id: str, about: Mapping[str, Any]) -> Any:
    """A span of our own JSON as `POST /api/v1/events` takes it."""
    if not isinstance(entry, Mapping):
        return entry
    span = {name: value for name, value in entry.items() if name not in _NOT_SENT} | {"trace_id": trace_id}
    if entry.get("agent_stated") is False:
        span["agent"] = None
    if entry.get("reported_cost_usd") is not None:
        span["cost_usd"] = entry["reported_cost_usd"]
    if not entry.get("parent_span_id"):
        span |= about
    return span


def _scores(document: Mapping[str, Any], entries: list[Any], trace_id: bytes) -> Iterator[Draft]:
    holders = [("", document), *((f"spans[{n}].", one) for n, one in enumerate(entries) if isinstance(one, Mapping))]
    for path, holder in holders:
        given = holder.get("scores")
        for index, score in enumerate(given if isinstance(given, list) else []):
            where = f"{path}scores[{index}]"
            if not isinstance(score, Mapping):
                raise Malformed(f"{where}: an object expected")
            known = {name: score.get(name) for name in scoring.FIELDS - {"source", "id"}}
            known |= {"trace_id": trace_id.hex(), "external_id": f"trace:{trace_id.hex()}:{score.get('id') or where}"}
            try:
                yield scoring.draft_of(known)
            except Refused as refusal:
                raise Malformed(f"{where}.{refusal.field}: {refusal.message}") from refusal
