"""`handrail feedback export` and `handrail trace tail`: what comes and goes on coming."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from handrail.cli.tables import jsonl, table
from handrail.client import Handrail
from handrail.errors import HandrailError
from handrail.examples import FeedbackExample

# As the console's own CSV names them; where a column is inside a member, by its path.
CSV_COLUMNS = (
    "id", "revision", "approval_id", "action", "verdict", "proposed_arguments", "final_arguments", "diff", "reason",
    "message", "labels", "summary", "context", "messages", "agent.name", "agent.version", "models", "session_id",
    "trace_id", "span_id", "suggestion", "confidence", "risk.level", "risk.score", "policy.version", "policy.rule",
    "reviewer.id", "reviewer.role", "outcome.status", "outcome", "scores", "cost_usd", "requested_at", "decided_at",
    "cursor",
)  # fmt: skip
CSV_NAMES = {"agent.name": "agent", "reviewer.id": "reviewer"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TRACE_COLUMNS = ("start", "trace_id", "status", "duration", "cost", "tokens", "name", "agents")
SEEN_MAX = 10_000


def export(client: Handrail, given: Namespace) -> None:
    """`handrail feedback export`: every example, in constant memory, also from where the last export broke off."""
    resume = bool(given.resume)
    if resume and (not given.output or given.format != "jsonl"):
        raise HandrailError("--resume needs --output and the format jsonl: the cursor is on its last line")
    cursor = _last_cursor(Path(given.output)) if resume else given.cursor
    names = ("since", "until", "agent", "action", "verdict", "label", "outcome", "include")
    filters = {name: getattr(given, name) for name in names if getattr(given, name)}
    examples = client.feedback(cursor=cursor, follow=given.follow, **filters)
    with _destination(given.output, append=resume) as out:
        count = _write_csv(examples, out) if given.format == "csv" else _write_jsonl(examples, out, follow=given.follow)
    print(f"{count} examples", file=sys.stderr)


def tail(client: Handrail, given: Namespace) -> None:
    """`handrail trace tail`: traces as they arrive, oldest first."""
    filters = {name: getattr(given, name) for name in ("agent", "status", "q") if getattr(given, name)}
    seen: dict[str, None] = {}
    first = True
    while True:
        page = client.read("/api/v1/traces", **filters, limit=str(given.lines if first else 100))
        fresh = [each for each in reversed(page["results"]) if each["trace_id"] not in seen]
        _print_traces(fresh, given, header=first)
        seen.update(dict.fromkeys(each["trace_id"] for each in fresh))
        while len(seen) > SEEN_MAX:
            del seen[next(iter(seen))]
        if given.once:
            return
        first = False
        time.sleep(given.interval)


def _print_traces(traces: list[Any], given: Namespace, *, header: bool) -> None:
    if given.json:
        for each in traces:
            print(jsonl(each), flush=True)
    elif traces:
        drawn = table(TRACE_COLUMNS, [_trace_row(each) for each in traces])
        print(drawn if header else drawn.partition("\n")[2], flush=True)


def _trace_row(trace: Any) -> tuple[object, ...]:
    tokens = (trace.get("input_tokens") or 0) + (trace.get("output_tokens") or 0)
    cost = trace.get("cost_usd")
    return (
        trace.get("start"),
        trace["trace_id"],
        trace.get("status"),
        f"{trace.get('duration_ms') or 0:,.0f} ms",
        f"{float(cost):.4f} USD" if cost is not None else "",
        f"{tokens:,}",
        trace.get("name"),
        ", ".join(trace.get("agents") or []),
    )


def _write_jsonl(examples: Iterable[FeedbackExample], out: TextIO, *, follow: bool) -> int:
    count = 0
    for count, example in enumerate(examples, start=1):  # noqa: B007 - the last number is the count
        out.write(jsonl(example.raw) + "\n")
        if follow:
            out.flush()
    return count


def _write_csv(examples: Iterable[FeedbackExample], out: TextIO) -> int:
    writer = csv.writer(out)
    writer.writerow([CSV_NAMES.get(path, path.replace(".", "_")) for path in CSV_COLUMNS])
    count = 0
    for count, example in enumerate(examples, start=1):  # noqa: B007 - the last number is the count
        writer.writerow([_plain(_at(example.raw, path)) for path in CSV_COLUMNS])
    return count


def _at(example: Mapping[str, Any], path: str) -> object:
    """The member of an example at `path`; None where it, or what it is in, is missing."""
    found: object = example
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _plain(value: object) -> object:
    """A cell: structures as JSON; what a spreadsheet would take for a formula is marked as text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (value.startswith(FORMULA_STARTS) or value.lstrip(" ").startswith(FORMULA_STARTS)):
        return f"'{value}"
    return value


def _last_cursor(path: Path) -> str:
    """The cursor of the last whole line, "" without one; half a line that a crash left is cut off."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return ""
    with file:
        start, tail = file.seek(0, os.SEEK_END), b""
        while start > 0 and tail.count(b"\n") < 2:
            begin = max(0, start - 65_536)
            file.seek(begin)
            start, tail = begin, file.read(start - begin) + tail
        whole, newline, _half = tail.rpartition(b"\n")
        file.truncate(start + len(whole) + len(newline))
        last = whole.rpartition(b"\n")[2]
    return str(json.loads(last)["cursor"]) if last else ""


@contextmanager
def _destination(name: str | None, *, append: bool) -> Iterator[TextIO]:
    if not name:
        yield sys.stdout
        return
    with Path(name).open("a" if append else "w", encoding="utf-8", newline="") as file:
        yield file
