"""What new spans of one trace add to the summary of the trace. Pure."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any

from metrics import facets
from metrics.ingest.rows import SpanRow, Value
from metrics.ingest.semconv import MODEL_KINDS

MAX_NAMES_PER_TRACE = 50
# Of one batch; the stored metadata of a trace stops growing at the same size.
METADATA_CHARS = 32_768
# What the first span that says it says for its trace, in the order of the ranks behind the one of the name.
SPOKEN = ("session_id", "user_id", "environment", "agent_version", "prompt_name", "prompt_version", "team")
_said_by = attrgetter(*SPOKEN)
_RANK = itemgetter(0)
_GRAVITY = {"ok": 0, "waiting": 1, "error": 2}


def trace_row(project_id: int, spans: Sequence[SpanRow], paying: Sequence[SpanRow], now: datetime) -> tuple[Any, ...]:
    """The summary of a trace as far as these spans know it, in the order of TRACE_COLUMNS (metrics.ingest.writer).

    `paying` are those whose usage counts.
    """
    ranked = sorted([(rank(row), row) for row in spans], key=_RANK)  # who is heard first
    ordered = [row for _, row in ranked]
    first = ordered[0]
    roots = [row.status for row in ordered if row.parent_span_id is None]
    root_status = max(roots, key=_GRAVITY.__getitem__) if roots else ""
    named = [row.status for row in ordered]
    errors, waiting = named.count("error"), named.count("waiting")
    status = status_of(root_status, has_root=bool(roots), errors=errors, waiting=waiting)
    statuses = [status, *(["error"] if errors else []), *(["waiting"] if waiting else [])]
    agents = _names({row.agent for row in ordered})
    models = _names({row.model for row in ordered if row.kind in MODEL_KINDS})
    tags = _names({tag for row in ordered if row.tags for tag in row.tags})
    error_types = _names({row.error_type for row in ordered}) if errors else []
    said, ranks = _spoken(ranked)
    metadata, metadata_ranks = _metadata(ranked)
    start_ns, end_ns = min([row.start_ns for row in ordered]), max([row.start_ns + row.duration_ns for row in ordered])
    return (
        project_id, first.trace_id, first.name, start_ns, end_ns, end_ns - start_ns, status, root_status, errors,
        waiting, len(ordered), agents, models, tags, *said, metadata, *_sums(paying), bool(roots),
        [ranked[0][0], *ranks], metadata_ranks, error_types,
        _facets(project_id, first.name, statuses, said, agents, models, tags, error_types), now,
    )  # fmt: skip


def _spoken(ranked: Sequence[tuple[bytes, SpanRow]]) -> tuple[list[str], list[bytes | None]]:
    """What the first span that says it says for its trace, and the rank of that span, in the order of SPOKEN."""
    said: list[str] = []
    ranks: list[bytes | None] = []
    for values in zip(*[_said_by(row) for _, row in ranked], strict=True):
        value = next(filter(None, values), "")
        said.append(value)
        ranks.append(ranked[values.index(value)][0] if value else None)
    return said, ranks


def _sums(paying: Sequence[SpanRow]) -> Sequence[int | None]:
    """Tokens by type, cost, and how many have no price."""
    used = [row.usage for row in paying]
    prices = [row.price for row in paying]
    return (
        sum([one.input_tokens or 0 for one in used]),
        sum([one.output_tokens or 0 for one in used]),
        _sum_or_none([one.cache_read_tokens for one in used]),
        _sum_or_none([one.cache_write_tokens for one in used]),
        _sum_or_none([one.reasoning_tokens for one in used]),
        sum([one.nanos or 0 for one in prices]),
        [one.source for one in prices].count("unpriced"),
    )


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


def _metadata(ranked: Sequence[tuple[bytes, SpanRow]]) -> tuple[dict[str, Value], dict[str, str]]:
    """Metadata of the trace by key, of the span that is heard first, and the rank of that span."""
    kept: dict[str, Value] = {}
    ranks: dict[str, str] = {}
    size = 0
    for row_rank, row in ranked:
        if not row.metadata:
            continue
        for key, value in row.metadata.items():
            if key in kept:
                continue
            size += len(key) + len(str(value))
            if size > METADATA_CHARS:
                return kept, ranks
            kept[key], ranks[key] = value, row_rank.hex()
    return kept, ranks


def _names(values: set[str]) -> list[str]:
    values.discard("")
    return sorted(values)[:MAX_NAMES_PER_TRACE] if values else []


def _sum_or_none(values: Sequence[int | None]) -> int | None:
    reported = [value for value in values if value is not None]
    return sum(reported) if reported else None
