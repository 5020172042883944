"""GET /api/v1/agents and /api/v1/agents/{name}."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import check_query
from console.lib import clock
from console.lib.http import Problem, decode_cursor, encode_cursor, invalid, next_link, page_size
from metrics import questions, wire
from metrics.api.query import QueryView, query_parameters
from metrics.comparison import Interval
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import agents, overview
from metrics.selectors.agents import AgentRow, Health, Version

# As on the page.
DEFAULT_RANGE = timedelta(hours=24)
PARAMETERS = query_parameters("from", "to")
LIST_PARAMETERS = [*PARAMETERS, *query_parameters("limit", "cursor")]


def window_of(parameters: Mapping[str, str], now: datetime, default: timedelta = DEFAULT_RANGE) -> TimeRange:
    """`from` and `to`, without them the last `default`, as the range that figures are read for. Raises Problem 422."""
    try:
        start, end, step = questions.bins(parameters, now=now, default=default)
    except ParameterError as error:
        raise invalid(error.parameter, error.message) from error
    return TimeRange(start=start, end=end, step=step, now=now)


class AgentListView(QueryView):
    """The agents of the project, by name."""

    @extend_schema(
        operation_id="agents_list",
        summary="List agents",
        description=(
            "Agents that did something between `from` and `to` (default: the last 24 hours), by name. Requests are "
            "those that an agent answered itself; `called` agents are only called by others: their runs are counted."
        ),
        parameters=LIST_PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, LIST_PARAMETERS)
        parameters = request.query_params
        now = clock.now()
        limit = page_size(parameters.get("limit"))
        after = _place(parameters["cursor"]) if parameters.get("cursor") else ""
        window = window_of(parameters, now)
        page = agents.page(self.project.pk, window, now=now, limit=limit, by_name_after=after)
        cursor = encode_cursor([page.agents[-1].name]) if page.more else None
        return Response({"results": [_agent(row) for row in page.agents], "next": next_link(request, cursor)})


class AgentView(QueryView):
    """One agent with its versions and models."""

    @extend_schema(
        operation_id="agents_retrieve",
        summary="An agent, its versions and its models",
        description=(
            "Between `from` and `to` (default: the last 24 hours): zeros when it did nothing in that time. A name that "
            "does not fit into a path may be written as `~` and its UTF-8 in base64url. Of each version "
            "the figures with their 95 % intervals, and how they stand to the version used most: lower, higher, same "
            "(no clear difference), null (cannot be told)."
        ),
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH), *PARAMETERS],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, name: str) -> Response:
        check_query(request, PARAMETERS)
        now = clock.now()
        window = window_of(request.query_params, now)
        row = agents.known(self.project.pk, name, window)
        if row is None and agents.was_active(self.project.pk, name, now):
            row = agents.idle(name)
        if row is None:
            raise Problem(404, "No agent of this name has done anything in this project, nor sent a heartbeat.")
        asked = overview.reading(self.project.pk, window, {"agent": name}, since=window.start)
        body = _agent(row)
        body["versions"] = [_version(one) for one in agents.versions(asked, name, called=row.called)]
        body["models"] = [
            {
                "model": one.name,
                "provider": one.provider or None,
                "calls": one.calls,
                "tokens": one.tokens,
                "cost_usd": wire.cost(one.cost_nanos, one.unpriced_count),
                "unpriced_calls": one.unpriced_count,
            }
            for one in agents.models(asked, name)
        ]
        return Response(body)


def _place(cursor: str) -> str:
    (name,) = decode_cursor(cursor, length=1)
    if not isinstance(name, str) or "\x00" in name:
        raise Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]})
    return name


def _agent(row: AgentRow) -> dict[str, Any]:
    p50, p95, p99 = (_milliseconds(value) for value in row.latency)
    return {
        "name": row.name,
        "requests": row.requests,
        "called": row.called,
        "errors": row.errors,
        "error_rate": row.error_rate,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": wire.cost(row.cost_nanos, row.unpriced_count),
        "unpriced_spans": row.unpriced_count,
        "latency_ms": {"p50": p50, "p95": p95, "p99": p99},
        "versions": row.versions,
        "last_seen": clock.rfc3339(row.last_seen) if row.last_seen else None,
        "health": _health(row.health) if row.health else None,
    }


def _health(health: Health) -> dict[str, Any]:
    return {
        "status": "unknown" if health.stale else health.status,
        "last_status": health.status,
        "at": clock.rfc3339(health.at),
        "components": health.components,
        "circuit_breakers": health.circuit_breakers,
    }


def _version(one: Version) -> dict[str, Any]:
    scales = {"p50": ("latency_p50_ms", 1e6), "p95": ("latency_p95_ms", 1e6), "cost": ("cost_per_request_usd", 1e9)}
    figures = {}
    for key, at in one.figures.items():
        name, scale = scales.get(key, ("error_rate", 1.0))
        figures[name] = _interval(at, scale) | {"compared": one.verdicts.get(key) or None}
    return {"version": one.name, "requests": one.requests, "errors": one.errors, "tokens": one.tokens, **figures}


def _interval(at: Interval, scale: float) -> dict[str, Any]:
    value, low, high = (None if end is None else round(end / scale, 9) for end in at)
    return {"value": value, "low": low, "high": high}


def _milliseconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else wire.milliseconds(round(nanoseconds))
