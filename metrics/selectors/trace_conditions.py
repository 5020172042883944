"""A trace filter as conditions of SQL: what finds the traces, and what is checked of those that were found."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from metrics.facets import digest
from metrics.trace_filter import TraceFilter


class Condition(NamedTuple):
    """SQL about a row of metrics_trace, of our own names only, and its parameters in their order.

    `column` is what it bounds, when it bounds one: an index on that can begin and end there.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    column: str = ""


# Field of the filter <- facet, and the column that has the last word: a trace keeps the facets of what it once was.
# COALESCE hides the check from the planner, which would otherwise count it as another independent condition.
_FACETS = {
    "status": ("status", "COALESCE(status = %s, false)"),
    "agent": ("agent", "COALESCE(agents @> ARRAY[%s], false)"),
    "model": ("model", "COALESCE(models @> ARRAY[%s], false)"),
    "tag": ("tag", "COALESCE(tags @> ARRAY[%s], false)"),
    "error_type": ("error", "COALESCE(error_types @> ARRAY[%s], false)"),
    "environment": ("environment", "COALESCE(environment = %s, false)"),
    "team": ("team", "COALESCE(team = %s, false)"),
    "version": ("version", "COALESCE(agent_version = %s, false)"),
    "prompt": ("prompt", "COALESCE(prompt_name = %s, false)"),
    "flag": ("flag", "COALESCE(%s <> '', false)"),  # a flag stays: there is nothing to look up
}
TOKENS = "(input_tokens + output_tokens)"
NAME = "lower(root_name)"
# Field of the filter <- what it bounds, and how.
_BOUNDS = {
    "min_cost_nanos": ("cost_nanos", ">="),
    "max_cost_nanos": ("cost_nanos", "<="),
    "min_duration_ns": ("duration_ns", ">="),
    "max_duration_ns": ("duration_ns", "<="),
    "min_tokens": (TOKENS, ">="),
    "max_tokens": (TOKENS, "<="),
    "min_spans": ("span_count", ">="),
    "max_spans": ("span_count", "<="),
    "min_errors": ("error_count", ">="),
    "max_errors": ("error_count", "<="),
    "start_ns": ("start_ns", ">="),
    "end_ns": ("start_ns", "<"),
}


def conditions(project_id: int, chosen: TraceFilter) -> list[Condition]:
    """What the filter asks of a trace, without its text search; the project is not among it."""
    return [*_facets(project_id, chosen), *_columns(chosen)]


def _facets(project_id: int, chosen: TraceFilter) -> Iterator[Condition]:
    wanted = {name: getattr(chosen, name) for name in _FACETS if getattr(chosen, name)}
    if not wanted:
        return
    digests = [digest(project_id, _FACETS[name][0], value) for name, value in wanted.items()]
    yield Condition("facets @> %s::bigint[]", (digests,))
    for name, value in wanted.items():
        yield Condition(_FACETS[name][1], (value,))


def _columns(chosen: TraceFilter) -> Iterator[Condition]:
    # The second conditions are those of partial indexes.
    if chosen.session:
        yield Condition("session_id = %s AND session_id <> ''", (chosen.session,))
    if chosen.user:
        yield Condition("user_id = %s AND user_id <> ''", (chosen.user,))
    if chosen.trace_id:
        yield Condition("trace_id = %s", (bytes.fromhex(chosen.trace_id),))
    if chosen.errors:
        yield Condition("error_count > 0")
    if chosen.name:
        first, behind = _prefix(chosen.name.lower())
        yield Condition(f"{NAME} >= %s AND {NAME} < %s", (first, behind), NAME)
    empty = TraceFilter()
    for name, (column, sign) in _BOUNDS.items():
        value = getattr(chosen, name)
        if value != getattr(empty, name):
            yield Condition(f"{column} {sign} %s", (value,), column)


def _prefix(text: str) -> tuple[str, str]:
    """The first text that begins so, and the first behind all of these. The database sorts by code point."""
    return text, text + chr(0x10FFFF)
