"""Checks the text of spans that have just been read for the text index, and keeps the counts of what was found.

Part of the transaction that indexes (metrics.services.search_index), one process at a time. A span has one row with
its flags; what a trace adds to the counts is kept beside its words, so that a trace that is read again, because more of
it arrived or an agent turned out to be another, changes the counts by the difference and nothing counts twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import orjson
from django.db import connection

from console.lib.sql import load
from metrics.checks import fields
from metrics.checks.engine import MOST_FLAGS, Checker
from metrics.facets import digest
from metrics.ingest import content, recount
from metrics.ingest.content import Content, Record
from metrics.services import checks, partitions
from metrics.times import from_ns

TABLE = "metrics_flag"
# Spans of other kinds are not an agent's: they have no text of its.
UNCOUNTED = frozenset({"other"})

Place = tuple[bytes, bytes]  # trace id, span id
SpanKey = tuple[bytes, bytes, int]  # and its start
Entry = tuple[str, str, str, str]  # day, agent, version, name
Document = dict[str, Any]
Rows = list[list[Any]]  # as `count` takes them
Kinds = dict[bytes, set[str]]  # by trace


class Seen(NamedTuple):
    """What the counts and the checks need to know of a span."""

    start_ns: int
    kind: str
    agent: str
    version: str


@dataclass(slots=True)
class Reading:
    """What is found in the spans of some traces of a project while they are read."""

    project_id: int
    checker: Checker
    spans: dict[bytes, dict[bytes, Seen]] = field(default_factory=lambda: defaultdict(dict))
    found: dict[SpanKey, list[Document]] = field(default_factory=dict)
    # What the spans themselves do not say whole; log records may.
    _open: dict[Place, Content] = field(default_factory=dict)
    _records: dict[Place, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def see(self, trace_id: bytes, span_id: bytes, seen: Seen) -> None:
        """A span of a trace, whether or not its text has just arrived."""
        self.spans[trace_id][span_id] = seen

    def read(self, trace_id: bytes, span_id: bytes, said: Content) -> None:
        """The text of a span that has just arrived."""
        if said.input is not None and said.output is not None:
            self._check(trace_id, span_id, said)
        else:
            self._open[trace_id, span_id] = said

    def record(self, trace_id: bytes, span_id: bytes, record: Record, *, arrived: Iterable[bytes]) -> None:
        """Content that came as a log record: of a span that does not say it, or after the span was read (`arrived`)."""
        if (trace_id, span_id) in self._open or span_id in arrived:
            self._records[trace_id, span_id].append(record)

    def finish(self) -> None:
        """Checks what waited for log records."""
        for place in {*self._open, *self._records}:
            said = self._open.get(place, Content())
            if self._records.get(place):
                told = content.of_records(self._records[place])
                said.input = told.input if said.input is None else said.input
                said.output = told.output if said.output is None else said.output
            self._check(*place, said)

    def _check(self, trace_id: bytes, span_id: bytes, said: Content) -> None:
        seen = self.spans[trace_id].get(span_id)
        if seen is None or (said.input is None and said.output is None):
            return
        # Only a model is given all that it could know: an agent's tools tell it more than its input says.
        knows_all = seen.kind == "llm" and said.input is not None
        given = (lambda: orjson.dumps(said.input, option=orjson.OPT_NON_STR_KEYS).decode()) if knows_all else None
        found = self.checker.check(fields.of_span(seen.kind, said.input, said.output), given=given)
        if found.flags:
            self.found[trace_id, span_id, seen.start_ns] = [flag.document for flag in found.flags]


def reading(project_id: int) -> Reading:
    """A reading with the project's patterns."""
    return Reading(project_id, checks.checker(project_id))


def store(of: Reading, bounds: Mapping[str, Any], starts: Mapping[bytes, int]) -> dict[bytes, Rows]:
    """Writes the flags that were found; returns what each trace adds to the counts, as `count` takes it.

    `bounds` are the parameters of the project, its traces and their times; `starts` when each trace began.
    """
    of.finish()
    stored = _stored(bounds)
    changed = {}
    for key, new in of.found.items():
        merged = _merged(stored.get(key, []), new)
        if merged != stored.get(key):
            changed[key] = stored[key] = merged
    if changed:
        partitions.ensure(TABLE, [start for *_, start in changed])
        values: dict[str, Any] = {
            "project": of.project_id,
            "traces": [trace_id for trace_id, *_ in changed],
            "spans": [span_id for _, span_id, _ in changed],
            "starts": [start for *_, start in changed],
            "flags": [orjson.dumps(flags).decode() for flags in changed.values()],
        }
        with connection.cursor() as cursor:
            cursor.execute(load("metrics", "merge_flags"), values)
    by_trace: dict[bytes, dict[bytes, list[Document]]] = defaultdict(dict)
    for (trace_id, span_id, _start), flags in stored.items():
        by_trace[trace_id][span_id] = flags
    return {
        trace_id: _added(of.spans[trace_id], by_trace[trace_id], from_ns(start).date())
        for trace_id, start in starts.items()
    }


def count(project_id: int, before: Mapping[bytes, Rows], after: Mapping[bytes, Rows]) -> Kinds:
    """Adds what traces add now to the counts, and takes off what they added before.

    Returns the kinds of flags that traces did not have before.
    """
    spans: Counter[Entry] = Counter()
    traces: Counter[Entry] = Counter()
    for sign, entries in ((-1, before), (1, after)):
        for rows in entries.values():
            for day, agent, version, name, number in rows:
                spans[day, agent, version, name] += sign * number
                traces[day, agent, version, name] += sign
    changed = sorted(entry for entry in spans if spans[entry] or traces[entry])
    if changed:
        values: dict[str, Any] = {
            "project": project_id,
            "days": [date.fromisoformat(day) for day, *_ in changed],
            "agents": [agent for _, agent, *_ in changed],
            "versions": [version for *_, version, _ in changed],
            "names": [name for *_, name in changed],
            "spans": [spans[entry] for entry in changed],
            "traces": [traces[entry] for entry in changed],
        }
        with connection.cursor() as cursor:
            cursor.execute(load("metrics", "merge_flag_counts"), values)
    return {trace_id: _kinds(rows) - _kinds(before.get(trace_id, [])) for trace_id, rows in after.items()}


def _kinds(rows: Rows) -> set[str]:
    return {name for *_, name, _number in rows if name and "." not in name}


def mark(kinds: Mapping[int, Kinds]) -> None:
    """Lets traces, by project, be found by the kinds of their flags. Whoever ingests more of them waits meanwhile."""
    flagged = {
        project_id: {trace_id: found for trace_id, found in traces.items() if found}
        for project_id, traces in kinds.items()
    }
    flagged = {project_id: traces for project_id, traces in flagged.items() if traces}
    if not flagged:
        return
    with connection.cursor() as cursor:
        recount.lock(cursor, flagged)
        for project_id, traces in flagged.items():
            pairs = [(trace, digest(project_id, "flag", kind)) for trace, found in traces.items() for kind in found]
            values: dict[str, Any] = {
                "project": project_id,
                "traces": [trace_id for trace_id, _ in pairs],
                "facets": [facet for _, facet in pairs],
            }
            cursor.execute(load("metrics", "mark_flagged"), values)


def _stored(bounds: Mapping[str, Any]) -> dict[SpanKey, list[Document]]:
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "flags_of_traces"), bounds)
        return {
            (bytes(trace), bytes(span), start): orjson.loads(flags) for trace, span, start, flags in cursor.fetchall()
        }


def _merged(old: Sequence[Document], new: Sequence[Document]) -> list[Document]:
    """What was found before and now, each place once."""
    both = {(one["pattern"], one["path"], one["start"]): one for one in (*new, *old)}
    return list(both.values())[:MOST_FLAGS] if len(both) > len(old) else list(old)


def _added(spans: Mapping[bytes, Seen], flags: Mapping[bytes, Sequence[Document]], day: date) -> Rows:
    """What a trace adds to the counts: rows of day, agent, version, name, and so many spans; each counts one trace."""
    numbers: Counter[Entry] = Counter()
    for span_id, seen in spans.items():
        place = (day.isoformat(), seen.agent, seen.version)
        found = flags.get(span_id, ())
        if seen.kind not in UNCOUNTED or found:
            numbers[*place, ""] += 1
        for name in {one["kind"] for one in found} | {one["pattern"] for one in found}:
            numbers[*place, name] += 1
    return [[*entry, number] for entry, number in sorted(numbers.items())]
