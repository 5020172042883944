"""Sums of spans by minute and dimensions, and by trace: what ingest adds to the stored figures. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from metrics import histogram
from metrics.ingest.rows import SpanRow, Usage, Value
from metrics.ingest.semconv import MODEL_KINDS
from metrics.times import NS_PER_MINUTE, NS_PER_SECOND

MAX_NAMES_PER_TRACE = 50
# Of one batch; the stored metadata of a trace stops growing at the same size.
METADATA_CHARS = 32_768


class Dimensions(NamedTuple):
    """What a rollup row is about; `minute` in seconds since 1970. The order is that of the table's key."""

    minute: int
    entry: bool
    kind: str
    name: str
    agent: str
    agent_version: str
    environment: str
    model: str
    provider: str
    status: str


class Measured(NamedTuple):
    """The figures of one span, from a new row or read back from the database."""

    start_ns: int
    duration_ns: int
    entry: bool
    kind: str
    name: str
    agent: str
    agent_version: str
    environment: str
    model: str
    provider: str
    status: str
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_nanos: int | None
    cost_source: str
    counted: bool

    @property
    def dimensions(self) -> Dimensions:
        minute = self.start_ns // NS_PER_MINUTE * (NS_PER_MINUTE // NS_PER_SECOND)
        return Dimensions(minute, *self[2:11])


def measured(row: SpanRow, *, counted: bool) -> Measured:
    """The figures of a new row."""
    used: Usage = row.usage
    return Measured(
        row.start_ns, row.duration_ns, row.entry, row.kind, row.name, row.agent, row.agent_version, row.environment,
        row.model, row.provider, row.status, used.input_tokens, used.output_tokens, used.cache_read_tokens,
        used.cache_write_tokens, used.reasoning_tokens, row.price.nanos, row.price.source, counted,
    )  # fmt: skip


@dataclass(slots=True)
class _Sums:
    span_count: int = 0
    error_count: int = 0
    unpriced_count: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nanos: int = 0
    duration_sum_ns: int = 0
    buckets: list[int] = field(default_factory=list)

    def add_usage(self, one: Measured, sign: int) -> None:
        self.input_tokens += sign * (one.input_tokens or 0)
        self.output_tokens += sign * (one.output_tokens or 0)
        self.cache_read_tokens += sign * (one.cache_read_tokens or 0)
        self.cache_write_tokens += sign * (one.cache_write_tokens or 0)
        self.reasoning_tokens += sign * (one.reasoning_tokens or 0)
        self.cost_nanos += sign * (one.cost_nanos or 0)
        self.unpriced_count += sign * (one.cost_source == "unpriced")


class Tally:
    """Rollup rows under construction."""

    def __init__(self) -> None:
        self._sums: dict[Dimensions, _Sums] = {}

    def add(self, spans: Iterable[Measured]) -> None:
        """Adds spans: their number, errors and durations, and of the counted ones the usage."""
        every = list(spans)
        if not every:
            return
        buckets = histogram.buckets([one.duration_ns for one in every]).tolist()
        for one, bucket in zip(every, buckets, strict=True):
            sums = self._sums.setdefault(one.dimensions, _Sums())
            sums.span_count += 1
            sums.error_count += one.status == "error"
            sums.duration_sum_ns += one.duration_ns
            sums.buckets.append(bucket)
            if one.counted:
                sums.add_usage(one, 1)

    def correct(self, spans: Iterable[Measured]) -> None:
        """Adds or takes away the usage of spans that are already in, whose `counted` has just become what it says."""
        for one in spans:
            self._sums.setdefault(one.dimensions, _Sums()).add_usage(one, 1 if one.counted else -1)

    def rows(self) -> list[dict[str, Any]]:
        """The rows to merge into `metrics_rollup`, one per dimensions."""
        return [
            dimensions._asdict()
            | {
                "span_count": sums.span_count,
                "error_count": sums.error_count,
                "unpriced_count": sums.unpriced_count,
                "input_tokens": sums.input_tokens,
                "output_tokens": sums.output_tokens,
                "cache_read_tokens": sums.cache_read_tokens,
                "cache_write_tokens": sums.cache_write_tokens,
                "reasoning_tokens": sums.reasoning_tokens,
                "cost_nanos": sums.cost_nanos,
                # As text: the sum may exceed what a JSON number holds.
                "duration_sum_ns": str(sums.duration_sum_ns),
                "histogram": histogram.pairs(sums.buckets),
            }
            for dimensions, sums in self._sums.items()
        ]


def trace_row(spans: list[SpanRow], counted: Mapping[tuple[bytes, bytes, int], bool]) -> dict[str, Any]:
    """What new spans of one trace add to its summary. `counted` says by span key whose usage is in the totals."""
    ordered = sorted(spans, key=_rank)  # who is heard first
    roots = [row for row in ordered if row.parent_span_id is None]
    paying = [row for row in ordered if counted.get(row.key)]
    tags = dict.fromkeys(tag for row in ordered for tag in row.tags)
    speakers = {name: next((row for row in ordered if getattr(row, name)), None) for name in _SPOKEN}
    metadata, metadata_ranks = _metadata(ordered)
    return {
        "trace_id": "\\x" + ordered[0].trace_id.hex(),
        "root_name": ordered[0].name,
        "start_ns": min(row.start_ns for row in ordered),
        "end_ns": max(row.end_ns for row in ordered),
        "root_status": max((row.status for row in roots), key=_GRAVITY.index, default=""),
        "has_root": bool(roots),
        "ranks": ["\\x" + _rank(ordered[0]).hex(), *(row and "\\x" + _rank(row).hex() for row in speakers.values())],
        "error_count": sum(row.status == "error" for row in ordered),
        "waiting_count": sum(row.status == "waiting" for row in ordered),
        "span_count": len(ordered),
        "agents": _names(row.agent for row in ordered),
        "models": _names(row.model for row in ordered if row.kind in MODEL_KINDS),
        "tags": sorted(tags)[:MAX_NAMES_PER_TRACE],
        "metadata": metadata,
        "metadata_ranks": metadata_ranks,
        **{name: "" if row is None else getattr(row, name) for name, row in speakers.items()},
        "input_tokens": sum(row.usage.input_tokens or 0 for row in paying),
        "output_tokens": sum(row.usage.output_tokens or 0 for row in paying),
        **{name: _sum_or_none(getattr(row.usage, name) for row in paying) for name in _OPTIONAL},
        "cost_nanos": sum(row.price.nanos or 0 for row in paying),
        "unpriced_count": sum(row.price.source == "unpriced" for row in paying),
    }


# In the order of the ranks of a trace, behind the one of its name.
_SPOKEN = ("session_id", "user_id", "environment", "agent_version", "prompt_name", "prompt_version")
_GRAVITY = ("ok", "waiting", "error")
_OPTIONAL = ("cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def _rank(row: SpanRow) -> bytes:
    """How early a span is heard on what its trace is called and whose it is: roots first, then by start."""
    return bytes([row.parent_span_id is not None]) + row.start_ns.to_bytes(8, "big") + row.span_id


def _metadata(ordered: Iterable[SpanRow]) -> tuple[dict[str, Value], dict[str, str]]:
    """Metadata of the trace by key, of the span that is heard first, and the rank of that span."""
    kept: dict[str, Value] = {}
    ranks: dict[str, str] = {}
    size = 0
    for row in ordered:
        for key, value in row.metadata.items():
            if key in kept:
                continue
            size += len(key) + len(str(value))
            if size > METADATA_CHARS:
                return kept, ranks
            kept[key], ranks[key] = value, _rank(row).hex()
    return kept, ranks


def _names(values: Iterable[str]) -> list[str]:
    return sorted({value for value in values if value})[:MAX_NAMES_PER_TRACE]


def _sum_or_none(values: Iterable[int | None]) -> int | None:
    reported = [value for value in values if value is not None]
    return sum(reported) if reported else None
