"""New spans as the input of COPY: what most of them have in common is encoded once and kept. Pure."""

import struct
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from metrics.ingest.binary import BOOL, HEADER, NULL, TRAILER, int4, int8, microseconds, octets, text
from metrics.ingest.lineage import Standing
from metrics.ingest.rows import Price, SpanRow, Usage

# The columns in the order in which `span` writes them.
SPAN_COLUMNS = (
    "project_id", "trace_id", "span_id", "start_ns", "duration_ns", "received_at", "entry", "noise", "usage_counted",
    "agent_stated", "parent_span_id", "kind", "status", "error_type", "model", "provider", "tool", "agent", "agent_id",
    "agent_version", "environment", "service", "cost_source", "price_version", "finish_reason", "prompt_name",
    "prompt_version", "name", "error_message", "session_id", "user_id", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nanos", "reported_cost_nanos", "ttft_ns",
    "streaming", "detail",
)  # fmt: skip

_FIXED = struct.Struct(">hiqi16si8siqiqiqi?i?i?i?")
_NO_NUMBERS = NULL * 9


def spans(project_id: int, fresh: Iterable[tuple[SpanRow, Standing, bytes]], received_at: datetime) -> bytes:
    """The whole input of a COPY of SPAN_COLUMNS for rows with their standings and packed details."""
    received = microseconds(received_at)
    packed = [_span(project_id, row, standing, detail, received) for row, standing, detail in fresh]
    return b"".join([HEADER, *packed, TRAILER])


def _span(project_id: int, row: SpanRow, standing: Standing, detail: bytes, received: int) -> bytes:
    parent = row.parent_span_id
    price = row.price
    fixed = _FIXED.pack(
        len(SPAN_COLUMNS), 8, project_id, 16, row.trace_id, 8, row.span_id, 8, row.start_ns, 8, row.duration_ns,
        8, received, 1, row.entry, 1, row.noise, 1, standing.counted, 1, bool(row.agent),
    )  # fmt: skip
    return b"".join((
        fixed,
        NULL if parent is None else octets(parent),
        _labels(
            row.kind, row.status, row.error_type, row.model, row.provider, row.tool, standing.agent, row.agent_id,
            standing.agent_version, row.environment, row.service, price.source, price.version, row.finish_reason,
            row.prompt_name, row.prompt_version, row.name,
        ),
        text(row.error_message), text(row.session_id), text(row.user_id),
        _numbers(row.usage, price, row.ttft_ns, row.streaming),
        octets(detail),
    ))  # fmt: skip


@lru_cache(maxsize=8_192)
def _labels(*values: str) -> bytes:
    """Texts of which few combinations occur, encoded as columns."""
    return b"".join(map(text, values))


def _numbers(usage: Usage, price: Price, ttft_ns: int | None, streaming: bool | None) -> bytes:
    if (
        usage.input_tokens is None
        and usage.output_tokens is None
        and price.nanos is None
        and ttft_ns is None
        and (streaming is None and usage == _NO_USAGE and price.reported_nanos is None)
    ):
        return _NO_NUMBERS
    return b"".join((
        int4(usage.input_tokens), int4(usage.output_tokens), int4(usage.cache_read_tokens),
        int4(usage.cache_write_tokens), int4(usage.reasoning_tokens), int8(price.nanos), int8(price.reported_nanos),
        int8(ttft_ns), BOOL[streaming],
    ))  # fmt: skip


_NO_USAGE = Usage()
