"""What Langfuse's SDKs send about scores, and how it reads them back. Pure.

Shapes of its public API as of SDK 5 (a list of scores to /api/public/scores) and of 2 to 4 (events of an ingestion
batch, {"id", "type", "timestamp", "body"}, whose body is such a score): `id`, `traceId`, `observationId`, `sessionId`,
`name`, `value` (a number, or text for a category), `dataType`, `comment` and `metadata`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from metrics import scoring
from metrics.scoring import DATA_TYPES, Draft, Refused

SCORE = "score-create"
SPANS_ELSEWHERE = "only score-create is taken here; send spans over OTLP to /api/public/otel/v1/traces"
# Before the ids that its SDKs give, so that no other sender's id is the same by chance.
PREFIX = "langfuse:"

Failure = dict[str, Any]


def scores_of(batch: Iterable[Any]) -> tuple[list[tuple[str, Draft]], list[Failure]]:
    """The scores of an ingestion batch with the ids of their events, and per other event why it was not taken."""
    accepted: list[tuple[str, Draft]] = []
    failures: list[Failure] = []
    for event in batch:
        event_id = str(event.get("id") or "")[:200] if isinstance(event, Mapping) else ""
        try:
            accepted.append((event_id, _of_event(event)))
        except Refused as refusal:
            failures.append(failure(event_id, refusal))
    return accepted, failures


def failure(event_id: str, refusal: Refused, status: int = 400) -> Failure:
    """Why an event of a batch was not taken, in the shape of the answer."""
    return {"id": event_id, "status": status, "message": str(refusal), "error": refusal.message}


def _of_event(event: Any) -> Draft:
    if not isinstance(event, Mapping):
        raise Refused("batch", "every event must be an object")
    if event.get("type") != SCORE:
        raise Refused("type", SPANS_ELSEWHERE)
    return draft_of(event.get("body"))


def draft_of(body: Any) -> Draft:
    """A score in Langfuse's shape. Members that mean nothing here are left out. Raises Refused."""
    if not isinstance(body, Mapping):
        raise Refused("body", "must be an object")
    trace_id, span_id, session_id = scoring.about(body, ("traceId", "observationId", "sessionId"))
    value = body.get("value")
    label = scoring.words(body, "value", scoring.LABEL_CHARS) if isinstance(value, str) else ""
    if value is None or (isinstance(value, str) and not label):
        raise Refused("value", "is required")
    own_id = scoring.words(body, "id", scoring.EXTERNAL_ID_CHARS - len(PREFIX))
    return Draft(
        trace_id=trace_id,
        span_id=span_id,
        session_id=session_id,
        name=scoring.required(body, "name", scoring.NAME_CHARS),
        data_type=scoring.chosen(body, "dataType", DATA_TYPES),
        value=None if label else scoring.number(body, "value"),
        label=label,
        comment=scoring.words(body, "comment", scoring.COMMENT_CHARS),
        external_id=f"{PREFIX}{own_id}" if own_id else None,
        metadata=_metadata(body),
    )


def _metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    """Its SDKs take any value for metadata; here it is always an object."""
    given = body.get("metadata")
    if given is not None and not isinstance(given, dict):
        body = {"metadata": {"value": given}}
    return scoring.metadata(body, "metadata")
