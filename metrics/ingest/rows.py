"""The rows that pass through ingest: raw ones as the wire had them, and those that are stored.

Plain data that nobody changes: no ORM, no clock. Times are integer nanoseconds since 1970 (UTC), money integer nano-USD
and ids bytes. Spans, of which there are many with many fields, are dataclasses with slots that are not frozen: made in
half the time of a named tuple and a quarter of that of a frozen one, and read in a third.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeAlias, TypeVar

# What an attribute may be once decoded. Numbers that JSON cannot say (NaN, infinities) are already text, bytes base64.
Value: TypeAlias = "str | bool | int | float | list[Value] | dict[str, Value] | None"
Attributes: TypeAlias = Mapping[str, Value]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent a row: the OTLP resource and instrumentation scope, shared by all rows of a scope."""

    resource: Attributes = field(default_factory=dict)
    scope_name: str = ""
    scope_version: str = ""
    scope_attributes: Attributes = field(default_factory=dict)


class RawEvent(NamedTuple):
    """An event of a span."""

    name: str
    time_ns: int
    attributes: Attributes


class RawLink(NamedTuple):
    """A link of a span to another one."""

    trace_id: bytes
    span_id: bytes
    attributes: Attributes


@dataclass(slots=True)
class RawSpan:
    """A span as it was sent. `status_code` is OTLP's: 0 unset, 1 ok, 2 error; `kind` too: 3 is a client, 0 unknown."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    start_ns: int
    end_ns: int
    remote_parent: bool
    status_code: int
    status_message: str
    attributes: Attributes
    events: tuple[RawEvent, ...]
    links: tuple[RawLink, ...]
    source: Source
    kind: int = 0


class RawLog(NamedTuple):
    """A log record as it was sent; `severity` is OTLP's number, ids are empty when there are none."""

    time_ns: int
    observed_ns: int
    trace_id: bytes
    span_id: bytes
    severity: int
    severity_text: str
    event_name: str
    body: Value
    attributes: Attributes
    source: Source


@dataclass(frozen=True, slots=True)
class RawPoint:
    """A metric point as it was sent.

    `kind` is gauge, sum, histogram, exponential_histogram or summary; `temporality` delta, cumulative or empty;
    `buckets` what belongs to the kind beyond count, total, minimum and maximum.
    """

    name: str
    unit: str
    kind: str
    temporality: str
    monotonic: bool
    time_ns: int
    start_ns: int
    value: float | None
    count: int | None
    total: float | None
    minimum: float | None
    maximum: float | None
    buckets: Mapping[str, Value] | None
    attributes: Attributes
    source: Source


def explained(refused: Mapping[str, int]) -> str:
    """Reasons and how often each, in one line."""
    return "; ".join(f"{reason} ({count})" for reason, count in sorted(refused.items()))


@dataclass(slots=True)
class Batch(Generic[Row]):
    """Rows that were accepted so far, and how many were refused for which reason."""

    rows: list[Row] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def explain(self) -> str:
        """The reasons in one line, for the partial success of OTLP; empty when nothing was refused."""
        return explained(self.refused)


class Usage(NamedTuple):
    """Tokens of one operation. Input includes cached tokens, output includes reasoning; None means not reported."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Price(NamedTuple):
    """The cost of one operation: `nanos` is the one to show, `source` computed, reported, unpriced or empty."""

    nanos: int | None = None
    reported_nanos: int | None = None
    source: str = ""
    version: str = ""


@dataclass(slots=True)
class SpanRow:
    """A span in the terms of the console. Field by field the columns of `metrics_span` (see metrics.models.span).

    `agent` is what the span itself says, empty when it says nothing. `detail` is JSON, not compressed; what it holds is
    read by `metrics.ingest.content.read`.
    """

    trace_id: bytes
    span_id: bytes
    start_ns: int
    duration_ns: int
    parent_span_id: bytes | None
    entry: bool
    noise: bool
    name: str
    kind: str
    status: str
    error_type: str
    error_message: str
    model: str
    provider: str
    tool: str
    agent: str
    agent_id: str
    agent_version: str
    session_id: str
    user_id: str
    environment: str
    service: str
    usage: Usage
    price: Price
    finish_reason: str
    ttft_ns: int | None
    streaming: bool | None
    prompt_name: str
    prompt_version: str
    # Of the trace rather than the span; not columns of the span.
    team: str
    tags: tuple[str, ...]
    metadata: Mapping[str, Value]
    # JSON; what is stored is packed with the other spans of the trace (metrics.ingest.packing).
    detail: bytes

    @property
    def key(self) -> tuple[bytes, bytes, int]:
        """What makes the span one span within its project."""
        return (self.trace_id, self.span_id, self.start_ns)

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns


class LogRow(NamedTuple):
    """A log record as it is stored; `id` is a digest of its content."""

    time_ns: int
    id: bytes
    trace_id: bytes | None
    span_id: bytes | None
    severity: int
    severity_text: str
    event_name: str
    service: str
    environment: str
    body: str
    detail: bytes


@dataclass(frozen=True, slots=True)
class PointRow:
    """A metric point as it is stored; `series` is a digest of what tells lines of one name apart."""

    name: str
    series: bytes
    time_ns: int
    start_ns: int | None
    kind: str
    temporality: str
    monotonic: bool
    unit: str
    value: float | None
    count: int | None
    total: float | None
    minimum: float | None
    maximum: float | None
    histogram: bytes | None
    attributes: str
    service: str
    environment: str
