"""Sums of spans by minute and dimensions: what ingest adds to the stored rollups. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from metrics import histogram
from metrics.ingest.lineage import Standing
from metrics.ingest.rows import SpanRow
from metrics.times import EPOCH, NS_PER_MINUTE, NS_PER_SECOND

SECONDS_PER_MINUTE = NS_PER_MINUTE // NS_PER_SECOND


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
        return Dimensions(self.start_ns // NS_PER_MINUTE * SECONDS_PER_MINUTE, *self[2:11])


class Change(NamedTuple):
    """The figures of a stored span as they were, and as they have become."""

    before: Measured
    after: Measured


def measured(row: SpanRow, standing: Standing) -> Measured:
    """The figures of a new row."""
    used, price = row.usage, row.price
    return Measured(
        row.start_ns, row.duration_ns, row.entry, row.kind, row.name, standing.agent, standing.agent_version,
        row.environment, row.model, row.provider, row.status, used.input_tokens, used.output_tokens,
        used.cache_read_tokens, used.cache_write_tokens, used.reasoning_tokens, price.nanos, price.source,
        standing.counted,
    )  # fmt: skip


class _Sums:
    __slots__ = (
        "buckets", "cache_read_tokens", "cache_write_tokens", "cost_nanos", "duration_sum_ns", "error_count",
        "input_tokens", "output_tokens", "reasoning_tokens", "span_count", "unpriced_count",
    )  # fmt: skip

    def __init__(self) -> None:
        self.span_count = self.error_count = self.unpriced_count = 0
        self.input_tokens = self.output_tokens = 0
        self.cache_read_tokens = self.cache_write_tokens = self.reasoning_tokens = 0
        self.cost_nanos = self.duration_sum_ns = 0
        self.buckets: dict[int, int] = {}

    def add_span(self, one: Measured | SpanRow, bucket: int, sign: int) -> None:
        self.span_count += sign
        if one.status == "error":
            self.error_count += sign
        self.duration_sum_ns += sign * one.duration_ns
        self.buckets[bucket] = self.buckets.get(bucket, 0) + sign

    def add(self, other: "_Sums") -> None:
        for name in self.__slots__:
            if name != "buckets":
                setattr(self, name, getattr(self, name) + getattr(other, name))
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def add_usage(self, one: Measured, sign: int) -> None:
        if not one.counted:
            return
        self.input_tokens += sign * (one.input_tokens or 0)
        self.output_tokens += sign * (one.output_tokens or 0)
        self.cache_read_tokens += sign * (one.cache_read_tokens or 0)
        self.cache_write_tokens += sign * (one.cache_write_tokens or 0)
        self.reasoning_tokens += sign * (one.reasoning_tokens or 0)
        self.cost_nanos += sign * (one.cost_nanos or 0)
        self.unpriced_count += sign * (one.cost_source == "unpriced")


class Tally:
    """Rollup rows of minutes under construction."""

    def __init__(self) -> None:
        self._sums: dict[Dimensions, _Sums] = {}

    def _of(self, dimensions: Dimensions) -> _Sums:
        sums = self._sums.get(dimensions)
        if sums is None:
            sums = self._sums[dimensions] = _Sums()
        return sums

    def add(self, spans: Iterable[Measured]) -> None:
        """Adds spans: their number, errors and durations, and of the counted ones the usage."""
        every = list(spans)
        if not every:
            return
        buckets = histogram.buckets([one.duration_ns for one in every]).tolist()
        for one, bucket in zip(every, buckets, strict=True):
            sums = self._of(one.dimensions)
            sums.add_span(one, bucket, 1)
            sums.add_usage(one, 1)

    def add_rows(self, rows: Sequence[SpanRow], standings: Sequence[Standing]) -> None:
        """Adds new rows and their standings, as `add` adds what was read back; most of them bear no usage."""
        buckets = histogram.buckets([row.duration_ns for row in rows]).tolist()
        for row, standing, bucket in zip(rows, standings, buckets, strict=True):
            counted, agent, agent_version = standing
            minute = row.start_ns // NS_PER_MINUTE * SECONDS_PER_MINUTE
            dimensions = Dimensions(
                minute, row.entry, row.kind, row.name, agent, agent_version, row.environment, row.model, row.provider,
                row.status,
            )  # fmt: skip
            sums = self._of(dimensions)
            sums.add_span(row, bucket, 1)
            if counted:
                sums.add_usage(measured(row, standing), 1)

    def correct(self, changes: Iterable[Change]) -> None:
        """Takes stored spans out as they were and puts them in as they have become."""
        for before, after in changes:
            out, into = self._of(before.dimensions), self._of(after.dimensions)
            out.add_usage(before, -1)
            into.add_usage(after, 1)
            if out is not into:
                bucket = int(histogram.buckets([after.duration_ns])[0])
                out.add_span(before, bucket, -1)
                into.add_span(after, bucket, 1)

    @property
    def dimensions(self) -> Collection[Dimensions]:
        """What there are rows of."""
        return self._sums.keys()

    def count_under(self, others: Mapping[Dimensions, Dimensions]) -> None:
        """Adds the figures of some dimensions to those of others, and forgets the former."""
        for dimensions, other in others.items():
            sums = self._sums.pop(dimensions)
            if other in self._sums:
                self._sums[other].add(sums)
            else:
                self._sums[other] = sums

    @property
    def minutes(self) -> set[int]:
        """The minutes that are touched, in seconds since 1970."""
        return {dimensions.minute for dimensions in self._sums}

    def rows(self, project_id: int) -> list[dict[str, Any]]:
        """The rows to merge into `metrics_rollup`, one per dimensions, by column.

        The sum of durations is text: it may be too large for a number of JSON.
        """
        return [
            {
                "project_id": project_id, "seconds": SECONDS_PER_MINUTE, "start": _moment(minute), "entry": entry,
                "kind": kind, "name": name, "agent": agent, "agent_version": agent_version, "environment": environment,
                "model": model, "provider": provider, "status": status, "span_count": sums.span_count,
                "error_count": sums.error_count, "unpriced_count": sums.unpriced_count,
                "input_tokens": sums.input_tokens, "output_tokens": sums.output_tokens,
                "cache_read_tokens": sums.cache_read_tokens, "cache_write_tokens": sums.cache_write_tokens,
                "reasoning_tokens": sums.reasoning_tokens, "cost_nanos": sums.cost_nanos,
                "duration_sum_ns": str(sums.duration_sum_ns),
                "histogram": [part for pair in sums.buckets.items() if pair[1] for part in pair],
            }
            for (minute, entry, kind, name, agent, agent_version, environment, model, provider, status), sums
            in self._sums.items()
        ]  # fmt: skip


@lru_cache(maxsize=4_096)
def _moment(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
