"""What new spans of one trace add to the summary of the trace. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from metrics import facets
from metrics.ingest.lineage import Standing
from metrics.ingest.rows import SpanRow, Value
from metrics.ingest.semconv import MODEL_KINDS

MAX_NAMES_PER_TRACE = 50
# Of one batch; the stored metadata of a trace stops growing at the same size.
METADATA_CHARS = 32_768
# What the first span that says it says for its trace, in the order of the ranks behind the one of the name.
SPOKEN = ("session_id", "user_id", "environment", "agent_version", "prompt_name", "prompt_version", "team")
_SPOKEN_BY = [attrgetter(name) for name in SPOKEN]
_GRAVITY = {"ok": 0, "waiting": 1, "error": 2}


def trace_row(
    project_id: int, spans: Sequence[SpanRow], standing: Mapping[tuple[bytes, bytes, int], Standing], now: datetime
) -> tuple[Any, ...]:
    """The summary of a trace as far as these spans know it, in the order of TRACE_COLUMNS (metrics.ingest.writer).

    `standing` is by span key.
    """
    ordered = sorted(spans, key=rank) if len(spans) > 1 else spans  # who is heard first
    first = ordered[0]
    paying = [row for row in ordered if standing[row.key].counted]
    roots = [row.status for row in ordered if row.parent_span_id is None]
    root_status = max(roots, key=_GRAVITY.__getitem__, default="")
    named = [row.status for row in ordered]
    errors, waiting = named.count("error"), named.count("waiting")
    status = status_of(root_status, has_root=bool(roots), errors=errors, waiting=waiting)
    statuses = [status, *(["error"] if errors else []), *(["waiting"] if waiting else [])]
    agents = _names({row.agent for row in ordered})
    models = _names({row.model for row in ordered if row.kind in MODEL_KINDS})
    tags = _names({tag for row in ordered if row.tags for tag in row.tags})
    error_types = _names({row.error_type for row in ordered}) if errors else []
    speakers = [next((row for row in ordered if said_by(row)), None) for said_by in _SPOKEN_BY]
    said = ["" if row is None else said_by(row) for said_by, row in zip(_SPOKEN_BY, speakers, strict=True)]
    metadata, metadata_ranks = _metadata(ordered)
    start_ns, end_ns = min(row.start_ns for row in ordered), max(row.start_ns + row.duration_ns for row in ordered)
    return (
        project_id, first.trace_id, first.name, start_ns, end_ns, end_ns - start_ns, status, root_status, errors,
        waiting, len(ordered), agents, models, tags, *said, metadata,
        sum(row.usage.input_tokens or 0 for row in paying), sum(row.usage.output_tokens or 0 for row in paying),
        _sum_or_none(row.usage.cache_read_tokens for row in paying),
        _sum_or_none(row.usage.cache_write_tokens for row in paying),
        _sum_or_none(row.usage.reasoning_tokens for row in paying),
        sum(row.price.nanos or 0 for row in paying), sum(row.price.source == "unpriced" for row in paying),
        bool(roots), [rank(first), *(row and rank(row) for row in speakers)], metadata_ranks, error_types,
        _facets(project_id, first.name, statuses, said, agents, models, tags, error_types), now,
    )  # fmt: skip


def status_of(root_status: str, *, has_root: bool, errors: int, waiting: int) -> str:
    """The status of a trace: an error of its root, or while no root is known of any span; else whether it waits."""
    if root_status == "error" or (not has_root and errors):
        return "error"
    return "waiting" if waiting else "ok"


def rank(row: SpanRow) -> bytes:
    """How early a span is heard on what its trace is called and whose it is: roots first, then by start."""
    return (b"\0" if row.parent_span_id is None else b"\1") + row.start_ns.to_bytes(8, "big") + row.span_id


def _facets(
    project_id: int,
    name: str,
    statuses: Sequence[str],
    said: Sequence[str],
    agents: Sequence[str],
    models: Sequence[str],
    tags: Sequence[str],
    error_types: Sequence[str],
) -> list[int]:
    """The facets of the summary; sorted, each once. `statuses` are the status and those that may come back."""
    of_trace = dict(zip(SPOKEN, said, strict=True))
    pairs = [
        ("name", name), *(("status", value) for value in statuses), ("environment", of_trace["environment"]),
        ("version", of_trace["agent_version"]), ("prompt", of_trace["prompt_name"]), ("team", of_trace["team"]),
        *(("agent", value) for value in agents), *(("model", value) for value in models),
        *(("tag", value) for value in tags), *(("error", value) for value in error_types),
    ]  # fmt: skip
    return sorted({facets.digest(project_id, field, value) for field, value in pairs if value})


def _metadata(ordered: Iterable[SpanRow]) -> tuple[dict[str, Value], dict[str, str]]:
    """Metadata of the trace by key, of the span that is heard first, and the rank of that span."""
    kept: dict[str, Value] = {}
    ranks: dict[str, str] = {}
    size = 0
    for row in ordered:
        if not row.metadata:
            continue
        for key, value in row.metadata.items():
            if key in kept:
                continue
            size += len(key) + len(str(value))
            if size > METADATA_CHARS:
                return kept, ranks
            kept[key], ranks[key] = value, rank(row).hex()
    return kept, ranks


def _names(values: set[str]) -> list[str]:
    values.discard("")
    return sorted(values)[:MAX_NAMES_PER_TRACE] if values else []


def _sum_or_none(values: Iterable[int | None]) -> int | None:
    reported = [value for value in values if value is not None]
    return sum(reported) if reported else None
