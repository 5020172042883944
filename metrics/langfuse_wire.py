"""Scores as Langfuse's public API writes them. Pure."""

from typing import Any

from console.lib.clock import rfc3339
from metrics.ingest.langfuse import PREFIX
from metrics.models import Score
from metrics.models.score import Source
from metrics.wire import hex_id

# Who judged, in its words.
SOURCES = {Source.HUMAN: "ANNOTATION", Source.EVALUATION: "EVAL"}


def score_id(row: Score) -> str:
    """The id that its SDK gave, else our own number."""
    own = row.external_id or ""
    return own.removeprefix(PREFIX) if own.startswith(PREFIX) else str(row.pk)


def _data_type(row: Score) -> str:
    """The type as stated; where nobody says, a score is what it holds."""
    return (row.data_type or ("numeric" if row.value is not None else "categorical")).upper()


def paged(row: Score) -> dict[str, Any]:
    """A score of the lists that have pages (v1 and v2): a label beside the number that it counts as."""
    kind = _data_type(row)
    text = {"BOOLEAN": "True" if row.value else "False", "CATEGORICAL": row.label, "TEXT": row.label}.get(kind)
    return {
        **_core(row),
        **_details(row),
        "dataType": kind,
        "value": row.label if kind == "TEXT" else row.value,
        "stringValue": text,
        "traceId": hex_id(row.trace_id),
        "observationId": hex_id(row.span_id),
        "sessionId": row.session_id or None,
    }


def cursored(row: Score, groups: frozenset[str]) -> dict[str, Any]:
    """A score of the list that has cursors (v3): one value, of the type that it has, and the groups asked for."""
    kind = _data_type(row)
    value: Any = {"NUMERIC": row.value, "BOOLEAN": bool(row.value)}.get(kind, row.label)
    told = {**_core(row), "dataType": kind, "value": value}
    if "details" in groups:
        told |= _details(row)
    if "subject" in groups:
        told["subject"] = _subject(row)
    if "annotation" in groups:
        told |= {"authorUserId": str(row.author_user_id) if row.author_user_id else None, "queueId": None}
    return told


def _core(row: Score) -> dict[str, Any]:
    return {
        "id": score_id(row),
        "projectId": str(row.project_id),
        "name": row.name,
        "source": SOURCES.get(Source(row.source), "API"),
        "timestamp": rfc3339(row.created_at),
        "environment": "default",
        "createdAt": rfc3339(row.created_at),
        "updatedAt": rfc3339(row.updated_at),
    }


def _details(row: Score) -> dict[str, Any]:
    return {"comment": row.comment or None, "configId": None, "metadata": row.metadata}


def _subject(row: Score) -> dict[str, Any]:
    if row.span_id:
        return {"kind": "observation", "id": hex_id(row.span_id), "traceId": hex_id(row.trace_id)}
    if row.trace_id:
        return {"kind": "trace", "id": hex_id(row.trace_id)}
    return {"kind": "session", "id": row.session_id}
