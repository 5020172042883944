"""Events of Langfuse's ingestion API to scores. Pure.

Shapes as its Python and JavaScript SDKs send them: {"id", "type", "timestamp", "body"}; a score's body has an `id`
of its own, `traceId`, `observationId`, `name`, `value` (a number, or text for a category), `comment` and `metadata`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from metrics import scoring
from metrics.ingest.limits import SPAN_ID_BYTES, TRACE_ID_BYTES
from metrics.scoring import Draft, Refused

SCORE = "score-create"
SPANS_ELSEWHERE = "only score-create is taken here; send spans over OTLP to /api/public/otel/v1/traces"

Failure = dict[str, Any]


def scores_of(batch: Iterable[Any]) -> tuple[list[tuple[str, Draft]], list[Failure]]:
    """The scores of a batch with the ids of their events, and per other event why it was not taken."""
    accepted: list[tuple[str, Draft]] = []
    failures: list[Failure] = []
    for event in batch:
        event_id = str(event.get("id") or "")[:200] if isinstance(event, Mapping) else ""
        try:
            accepted.append((event_id, _score(event)))
        except Refused as refusal:
            failures.append({"id": event_id, "status": 400, "message": str(refusal), "error": refusal.message})
    return accepted, failures


def _score(event: Any) -> Draft:
    if not isinstance(event, Mapping):
        raise Refused("batch", "every event must be an object")
    if event.get("type") != SCORE:
        raise Refused("type", SPANS_ELSEWHERE)
    body = event.get("body")
    if not isinstance(body, Mapping):
        raise Refused("body", "must be an object")
    trace_id = scoring.hex_id(body, "traceId", TRACE_ID_BYTES)
    if trace_id is None:
        raise Refused("traceId", "is required: scores are about traces and their observations")
    value = body.get("value")
    label = scoring.words(body, "value", scoring.LABEL_CHARS) if isinstance(value, str) else ""
    if value is None or (isinstance(value, str) and not label):
        raise Refused("value", "is required")
    own_id = scoring.words(body, "id", scoring.EXTERNAL_ID_CHARS - len("langfuse:"))
    return Draft(
        trace_id=trace_id,
        span_id=scoring.hex_id(body, "observationId", SPAN_ID_BYTES),
        name=scoring.required(body, "name", scoring.NAME_CHARS),
        value=None if label else scoring.number(body, "value"),
        label=label,
        comment=scoring.words(body, "comment", scoring.COMMENT_CHARS),
        external_id=f"langfuse:{own_id}" if own_id else None,
        metadata=scoring.metadata(body, "metadata"),
    )
