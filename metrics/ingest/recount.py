"""What new spans change about stored ones: locks traces, reads what is known of them, turns over what has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson
from django.db.backends.utils import CursorWrapper

from console.lib import bound
from console.lib.sql import load
from metrics.ingest.lineage import Node, Standing, standings
from metrics.ingest.rows import SpanRow
from metrics.ingest.tally import Change, Measured

# Classes of PostgreSQL's two-part advisory locks.
TRACE_LOCK = 0x48525452
TRACE_GROUP_LOCK = 0x48525447
REBUILD_LOCK = 0x48525242
# Each lock costs shared memory for as long as a transaction holds it. A transaction about more traces than this locks
# whole groups of traces instead.
MOST_TRACE_LOCKS = 512
TRACE_GROUPS = 64

SpanKey = tuple[bytes, bytes, int]  # trace id, span id, start


@dataclass(slots=True)
class Known:
    """What is stored of some traces of a project: their spans, and between which starts they lie."""

    earliest_ns: int
    latest_ns: int
    nodes: dict[bytes, list[Node]] = field(default_factory=dict)
    standing: dict[SpanKey, Standing] = field(default_factory=dict)
    # Start and session of every trace that has a summary.
    summaries: dict[bytes, tuple[int, str]] = field(default_factory=dict)


def lock(cursor: CursorWrapper, traces: Mapping[int, Iterable[bytes]]) -> None:
    """Makes everybody else who writes to these traces, by project, wait until this transaction ends.

    What it commits is on disk when it says so, whatever the server's default is.
    """
    numbers = {
        crc32(project_id.to_bytes(8, "big") + trace_id) & 0x7FFFFFFF
        for project_id, members in traces.items()
        for trace_id in members
    }
    many = len(numbers) > MOST_TRACE_LOCKS
    groups = sorted({number % TRACE_GROUPS for number in numbers})
    parameters: dict[str, Any] = {
        "rebuild": REBUILD_LOCK,
        "projects": sorted(project_id % 2**31 for project_id in traces),
        "groups": TRACE_GROUP_LOCK,
        "shared": [] if many else groups,
        "exclusive": groups if many else [],
        "traces": TRACE_LOCK,
        "single": [] if many else sorted(numbers),
    }
    cursor.execute(load("metrics", "lock_traces"), parameters)


def known(cursor: CursorWrapper, project_id: int, trace_ids: list[bytes], earliest_ns: int, latest_ns: int) -> Known:
    """The stored spans of the traces, from `earliest_ns` to `latest_ns` and as far as the traces are known to reach."""
    found = Known(earliest_ns, latest_ns)
    asked: dict[str, Any] = {"project": project_id, "traces": trace_ids}
    for trace_id, start_ns, end_ns, session_id in bound.rows(load("metrics", "known_traces"), asked):
        found.summaries[trace_id] = (start_ns, session_id)
        found.earliest_ns = min(found.earliest_ns, start_ns)
        found.latest_ns = max(found.latest_ns, end_ns)
    if not found.summaries:
        return found  # a trace without a summary has no spans
    parameters: dict[str, Any] = {
        "project": project_id,
        "traces": sorted(found.summaries),
        "earliest": found.earliest_ns,
        "latest": found.latest_ns,
    }
    cursor.execute(load("metrics", "trace_skeleton"), parameters)
    for trace_id, span_id, start_ns, parent, kind, *figures, was_counted, agent, version, stated in cursor.fetchall():
        trace, parent_id = bytes(trace_id), None if parent is None else bytes(parent)
        # What was inherited is asked anew; a version without an agent is the span's own.
        own = (agent, version) if stated else ("", "" if agent else version)
        node = Node(bytes(span_id), start_ns, parent_id, kind, *figures, *own)
        found.nodes.setdefault(trace, []).append(node)
        found.standing[(trace, *node.key)] = Standing(was_counted, agent, version)
    return found


def node(row: SpanRow) -> Node:
    """A new row as its trace sees it."""
    used = row.usage
    return Node(
        row.span_id, row.start_ns, row.parent_span_id, row.kind, used.input_tokens, used.output_tokens,
        row.price.reported_nanos, row.agent, row.agent_version,
    )  # fmt: skip


def decide(nodes: Mapping[bytes, list[Node]]) -> dict[SpanKey, Standing]:
    """The standing of every span of some traces."""
    return {
        (trace_id, node.span_id, node.start_ns): standing
        for trace_id, members in nodes.items()
        for node, standing in zip(members, standings(members), strict=True)
    }


def turn_over(
    cursor: CursorWrapper, project_id: int, stored: Known, decided: Mapping[SpanKey, Standing]
) -> list[Change]:
    """Stores the standings that differ from what is stored; returns the figures of those spans before and after."""
    changed = {key: decided[key] for key, was in stored.standing.items() if decided[key] != was}
    if not changed:
        return []
    flips: list[dict[str, Any]] = [
        {"trace_id": "\\x" + key[0].hex(), "span_id": "\\x" + key[1].hex(), "start_ns": key[2], **standing._asdict()}
        for key, standing in changed.items()
    ]
    parameters: dict[str, Any] = {
        "project": project_id,
        "flips": orjson.dumps(flips).decode(),
        "earliest": stored.earliest_ns,
        "latest": stored.latest_ns,
    }
    cursor.execute(load("metrics", "turn_over_spans"), parameters)
    changes: list[Change] = []
    for trace_id, span_id, *figures in cursor.fetchall():
        now = Measured(*figures)
        was = stored.standing[(bytes(trace_id), bytes(span_id), now.start_ns)]
        before = now._replace(counted=was.counted, agent=was.agent, agent_version=was.agent_version)
        changes.append(Change(before, now))
    return changes


def recounted_traces(stored: Known, decided: Mapping[SpanKey, Standing]) -> list[bytes]:
    """The traces in which the usage of a stored span joined or left the totals."""
    return sorted({key[0] for key, was in stored.standing.items() if decided[key].counted != was.counted})
