"""Outcomes of approved actions that spans report: `handrail.approval.id` and `handrail.outcome.status`. Pure.

`handrail.outcome.detail` goes with them: a map, a JSON object as text, or words.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from metrics.ingest.rows import RawSpan, Value

APPROVAL, STATUS, DETAIL = "handrail.approval.id", "handrail.outcome.status", "handrail.outcome.detail"
APPROVAL_CHARS, STATUS_CHARS, DETAIL_BYTES = 64, 32, 16_384


class Reported(NamedTuple):
    """What one span says of how an action went. Which statuses there are is for whoever reads it to know."""

    trace_id: bytes
    span_id: bytes
    end_ns: int
    approval: str
    status: str
    detail: dict[str, Any]


def reported(span: RawSpan) -> Reported | None:
    """What a span reports, None when it reports nothing: one look-up in the attributes of nearly every span."""
    status = span.attributes.get(STATUS)
    if not isinstance(status, str):
        return None
    approval = span.attributes.get(APPROVAL)
    if not isinstance(approval, str) or not approval or len(approval) > APPROVAL_CHARS or len(status) > STATUS_CHARS:
        return None
    if "\x00" in approval or "\x00" in status:
        return None
    return Reported(
        span.trace_id, span.span_id, span.end_ns, approval, status.lower(), _detail(span.attributes.get(DETAIL))
    )


def _detail(value: Value) -> dict[str, Any]:
    """The detail as an object; what is too long or cannot be kept as JSON is left out and said to be."""
    if value is None:
        return {}
    found: object = value
    if isinstance(value, str):
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            found = value
    kept = dict(found) if isinstance(found, Mapping) else {"note": found}
    try:
        text = orjson.dumps(kept)
    except TypeError:
        return {"omitted": "cannot be read"}
    if len(text) > DETAIL_BYTES:
        return {"omitted": f"longer than {DETAIL_BYTES} bytes"}
    return {"omitted": "holds NUL characters"} if b"\\u0000" in text else kept
