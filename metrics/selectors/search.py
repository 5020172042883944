"""Traces by the words and values in them, out of the text index, and how far behind that index is."""

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection

from console.lib.sql import load
from metrics.search_query import Search
from metrics.search_words import project_token
from metrics.selectors.trace_conditions import Condition, conditions
from metrics.selectors.trace_scan import Matching
from metrics.times import MAX_NS, to_ns
from metrics.trace_filter import TraceFilter

# Traces with such words that are looked up one by one rather than met on the way.
FEW_HITS = 10_000
# Traces whose words are looked at one by one on the way along a sorted index.
STEPS = 4_000
STEPS_OF_FILTERED = 20_000


def matching(project_id: int, chosen: TraceFilter) -> Matching:
    """What a filter asks of a trace. With a text search one query, which is answered without reading rows."""
    of_columns = conditions(project_id, chosen)
    # Few by nature: to look for the rare along a sorted index would be in vain.
    few = True if chosen.session or chosen.user else None
    if not chosen.search:
        return Matching(project_id, of_columns, few=few, only_failed=chosen.only_failed)
    return _searched(project_id, chosen, of_columns, few=bool(few))


def _searched(project_id: int, chosen: TraceFilter, of_columns: list[Condition], *, few: bool) -> Matching:
    """The same with what the text index says."""
    first = _first_day()
    if chosen.start_ns is None or chosen.start_ns < first:
        # Older traces have no words: nothing may be looked for among them.
        of_columns.append(Condition("start_ns >= %s", (first,), "start_ns"))
    query = tsquery(project_id, chosen.search)
    bounds = [one for one in of_columns if one.column == "start_ns"]
    hits = " AND ".join(["project_id = %s", "words @@ %s::tsquery", *(one.sql for one in bounds)])
    parameters = (project_id, query, *(value for one in bounds for value in one.parameters))
    rare = _expected(hits, parameters) <= FEW_HITS
    ids = f"SELECT trace_id FROM metrics_search WHERE {hits}"  # noqa: S608
    # A subquery that gives one value is never turned into a join: it is asked row by row, after all else.
    met = (
        "(SELECT found.words @@ %s::tsquery FROM metrics_search AS found WHERE found.project_id = %s "
        "AND found.trace_id = metrics_trace.trace_id AND found.start_ns = metrics_trace.start_ns)"
    )
    one_by_one = Condition(met, (query, project_id))
    # An array, not a join: the planner would rather read every trace than look up a few thousand by their ids.
    by_id = Condition(f"trace_id = ANY(ARRAY({ids}))", parameters)
    narrowed = len(of_columns) > len(bounds)
    return Matching(
        project_id,
        of_columns,
        walked=[one_by_one],
        # Of common words the ids alone are many; then the filters find the traces, and the words are looked at.
        gathered=[one_by_one if narrowed and not rare else by_id],
        # With other filters, words are looked at of what these keep.
        steps=STEPS_OF_FILTERED if narrowed else STEPS,
        few=rare or few,
        only_failed=chosen.only_failed,
    )


def _first_day() -> int:
    """The first day of which words are kept, in nanoseconds; the end of time without any."""
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "searched_days"))
        (name,) = cursor.fetchone()
    return to_ns(datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)) if name else MAX_NS


def tsquery(project_id: int, search: Search) -> str:
    """The search as PostgreSQL writes it. The project's own token keeps other projects' postings out from the start."""
    groups = [
        "(" + " | ".join("(" + " & ".join(map(_quoted, tokens)) + ")" for tokens in alternatives) + ")"
        for alternatives in search.groups
    ]
    without = ["!(" + " & ".join(map(_quoted, tokens)) + ")" for tokens in search.without]
    return " & ".join([_quoted(project_token(project_id)), *groups, *without])


def _quoted(token: str) -> str:
    escaped = token.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _expected(where: str, parameters: tuple[Any, ...]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) SELECT 1 FROM metrics_search WHERE {where}", parameters)  # noqa: S608
        (plan,) = cursor.fetchone()
    document: Any = json.loads(plan) if isinstance(plan, str) else plan
    return int(document[0]["Plan"]["Plan Rows"])


def lag_seconds(now: datetime) -> float:
    """How old the oldest arrival is that the text index has yet to read; 0 when there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(queued_at) FROM metrics_unindexed")
        (oldest,) = cursor.fetchone()
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0


def covered_days() -> int:
    """How many days back the text index reaches."""
    return int(settings.SEARCH_RETENTION_DAYS)
