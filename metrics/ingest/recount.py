"""Which spans of stored traces count: reads what counting needs, decides, and turns over the spans that changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson
from django.db.backends.utils import CursorWrapper

from console.lib.sql import load
from metrics.ingest.rows import SpanRow
from metrics.ingest.tally import Measured
from metrics.ingest.usage import Node, counted

# Classes of PostgreSQL's two-part advisory locks.
TRACE_LOCK = 0x48525452
REBUILD_LOCK = 0x48525242
# Traces share this many locks: each costs shared memory for as long as a transaction holds it.
TRACE_LOCK_BUCKETS = 2048

SpanKey = tuple[bytes, bytes, int]  # trace id, span id, start


@dataclass(slots=True)
class Known:
    """What is stored of some traces: their spans, and between which starts they lie."""

    earliest_ns: int
    latest_ns: int
    nodes: dict[bytes, list[Node]] = field(default_factory=dict)
    counted: dict[SpanKey, bool] = field(default_factory=dict)


def lock(cursor: CursorWrapper, project_id: int, trace_ids: Iterable[bytes]) -> None:
    """Makes everybody else who writes to these traces wait until this transaction ends."""
    prefix = project_id.to_bytes(8, "big")
    buckets = sorted({crc32(prefix + trace_id) % TRACE_LOCK_BUCKETS for trace_id in trace_ids})
    parameters: dict[str, Any] = {
        "rebuild": REBUILD_LOCK,
        "project": project_id % 2**31,
        "traces": TRACE_LOCK,
        "buckets": buckets,
    }
    cursor.execute(load("metrics", "lock_traces"), parameters)


def known(cursor: CursorWrapper, project_id: int, trace_ids: list[bytes], earliest_ns: int, latest_ns: int) -> Known:
    """The stored spans of the traces, from `earliest_ns` to `latest_ns` and as far as the traces are known to reach."""
    cursor.execute(load("metrics", "known_traces"), {"project": project_id, "traces": trace_ids})
    found = Known(earliest_ns, latest_ns)
    for _, start_ns, end_ns in cursor.fetchall():
        found.earliest_ns = min(found.earliest_ns, start_ns)
        found.latest_ns = max(found.latest_ns, end_ns)
    parameters: dict[str, Any] = {
        "project": project_id,
        "traces": trace_ids,
        "earliest": found.earliest_ns,
        "latest": found.latest_ns,
    }
    cursor.execute(load("metrics", "trace_skeleton"), parameters)
    for trace_id, span_id, start_ns, parent, kind, *tokens, was_counted in cursor.fetchall():
        trace = bytes(trace_id)
        node = Node(bytes(span_id), start_ns, None if parent is None else bytes(parent), kind, *tokens)
        found.nodes.setdefault(trace, []).append(node)
        found.counted[(trace, *node.key)] = was_counted
    return found


def node(row: SpanRow) -> Node:
    """A new row as counting sees it."""
    return Node(
        row.span_id, row.start_ns, row.parent_span_id, row.kind,
        row.usage.input_tokens, row.usage.output_tokens, row.price.reported_nanos,
    )  # fmt: skip


def decide(nodes: Mapping[bytes, list[Node]]) -> dict[SpanKey, bool]:
    """For every span of some traces, whether its usage counts."""
    decided: dict[SpanKey, bool] = {}
    for trace_id, members in nodes.items():
        counting = counted(members)
        for member in members:
            decided[(trace_id, *member.key)] = member.key in counting
    return decided


def turn_over(cursor: CursorWrapper, project_id: int, stored: Known, decided: Mapping[SpanKey, bool]) -> list[Measured]:
    """Stores the decisions that differ from what is stored; returns the figures of the spans that changed."""
    flips: list[dict[str, Any]] = [
        {"trace_id": "\\x" + key[0].hex(), "span_id": "\\x" + key[1].hex(), "start_ns": key[2], "counted": decided[key]}
        for key, was in stored.counted.items()
        if decided[key] != was
    ]
    if not flips:
        return []
    cursor.execute(
        load("metrics", "flip_counted"),
        {
            "project": project_id,
            "flips": orjson.dumps(flips).decode(),
            "earliest": stored.earliest_ns,
            "latest": stored.latest_ns,
        },
    )
    return [Measured(*row) for row in cursor.fetchall()]


def changed_traces(stored: Known, decided: Mapping[SpanKey, bool]) -> list[bytes]:
    """The traces in which a stored span changed sides."""
    return sorted({key[0] for key, was in stored.counted.items() if decided[key] != was})
