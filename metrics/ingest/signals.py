"""Raw log records and metric points to rows. Pure; each row gets a digest, so that what is sent again meets itself."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from metrics.ingest import masked
from metrics.ingest.limits import (
    DIMENSION_BYTES,
    ID_BYTES,
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    UNREADABLE,
    Refused,
    json_text,
    refuse,
    text,
)
from metrics.ingest.masking import Masker
from metrics.ingest.normalise import Sender, Senders, Window, pack
from metrics.ingest.reading import plain
from metrics.ingest.rows import Batch, LogRow, PointRow, RawLog, RawPoint, Value
from metrics.points import fit
from metrics.times import MAX_NS

BODY_BYTES = 8_000
ATTRIBUTES_CHARS = 64 * 1024
MAX_SEVERITY = 24
# Before log records had an event name of their own, it was an attribute.
EVENT_NAME_ATTRIBUTE = "event.name"


def logs(raw: Batch[RawLog], window: Window, masker: Masker | None = None) -> Batch[LogRow]:
    """The rows of a batch of log records; those outside the time window are refused."""
    batch: Batch[LogRow] = Batch(refused=raw.refused)
    senders = Senders(masker)
    for one in raw.rows:
        try:
            batch.rows.append(_log(one, window, senders.of(one.source), masker))
        except UNREADABLE as error:  # Refused is one of them
            refuse(batch.refused, error)
    return batch


def points(raw: Batch[RawPoint], window: Window, masker: Masker | None = None) -> Batch[PointRow]:
    """The rows of a batch of metric points; those outside the time window are refused."""
    batch: Batch[PointRow] = Batch(refused=raw.refused)
    senders = Senders(masker)
    for one in raw.rows:
        try:
            batch.rows.append(_point(one, window, senders.of(one.source), masker))
        except UNREADABLE as error:  # Refused is one of them
            refuse(batch.refused, error)
    return batch


def _log(raw: RawLog, window: Window, sender: Sender, masker: Masker | None) -> LogRow:
    time_ns = raw.time_ns or raw.observed_ns
    if not time_ns:
        # Made up on arrival, a time would make the same record a new one whenever it is sent again.
        raise Refused("log record without a time")
    _check(window, time_ns)
    event_name = raw.event_name or plain(raw.attributes.get(EVENT_NAME_ATTRIBUTE))
    content = {"body": raw.body, "attributes": raw.attributes, "resource": raw.source.resource}
    # Of what was sent rather than of what is kept, so that a record meets itself also under another masking policy.
    id_ = _digest([raw.trace_id.hex(), raw.span_id.hex(), raw.severity, raw.severity_text, event_name, content])
    kept = raw._replace(event_name=event_name, source=sender.source)
    if masker is not None and masker.suspects(_json([raw.body, raw.attributes, raw.severity_text, event_name])):
        kept = masked.log(kept, masker)
    return LogRow(
        time_ns=time_ns,
        id=id_,
        trace_id=_id(raw.trace_id, TRACE_ID_BYTES),
        span_id=_id(raw.span_id, SPAN_ID_BYTES),
        severity=min(max(raw.severity, 0), MAX_SEVERITY),
        severity_text=text(kept.severity_text, DIMENSION_BYTES),
        event_name=text(kept.event_name, ID_BYTES),
        service=sender.service,
        environment=sender.environment,
        body=text(_readable(kept.body), BODY_BYTES),
        detail=pack({
            "body": kept.body,
            "attributes": kept.attributes,
            "resource": sender.resource,
            "scope": {"name": sender.source.scope_name, "version": sender.source.scope_version},
        }),
    )  # fmt: skip


def _point(raw: RawPoint, window: Window, sender: Sender, masker: Masker | None) -> PointRow:
    if not raw.name:
        raise Refused("metric without a name")
    if not raw.time_ns:
        raise Refused("metric point without a time")
    _check(window, raw.time_ns)
    if raw.buckets is not None and (fault := fit.fault(raw.kind, raw.buckets, raw.count or 0)):
        raise Refused(fault)
    said = raw.attributes
    if masker is not None and masker.suspects(_json([said, raw.name, raw.unit])):
        said = masked.attributes(said, masker)
    attributes = json_text(said)
    if len(attributes) > ATTRIBUTES_CHARS:
        raise Refused(f"attributes larger than {ATTRIBUTES_CHARS} characters")
    identity = [raw.kind, raw.unit, raw.temporality, raw.attributes, raw.source.resource, raw.source.scope_name]
    return PointRow(
        name=text(raw.name, ID_BYTES),
        series=_digest(identity),
        time_ns=raw.time_ns,
        start_ns=raw.start_ns or None,
        kind=raw.kind,
        temporality=raw.temporality,
        monotonic=raw.monotonic,
        unit=text(raw.unit, DIMENSION_BYTES),
        value=raw.value,
        count=None if raw.count is None else min(max(raw.count, 0), MAX_NS),
        total=raw.total,
        minimum=raw.minimum,
        maximum=raw.maximum,
        histogram=None if raw.buckets is None else pack(raw.buckets),
        attributes=attributes,
        service=sender.service,
        environment=sender.environment,
    )


def _check(window: Window, time_ns: int) -> None:
    if reason := window.refusal(time_ns):
        raise Refused(reason.replace("start time", "time"))


def _id(value: bytes, size: int) -> bytes | None:
    """An id if it is one; records outside of any trace carry none or zeros."""
    return value if len(value) == size and any(value) else None


def _readable(body: Value) -> str:
    """The text of a body: of an object its message or content, else its JSON."""
    if isinstance(body, Mapping):
        for name in ("message", "content", "msg", "text"):
            if isinstance(body.get(name), str):
                return str(body[name])
    return plain(body)


def _digest(identity: list[Any]) -> bytes:
    return hashlib.blake2b(_json(identity), digest_size=16).digest()


def _json(value: list[Any]) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise Refused("attributes cannot be stored") from error
