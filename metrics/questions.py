"""What a URL asks for: filters of traces and series questions, read and checked. Pages and the API share these.

Every function raises `metrics.ranges.ParameterError` naming the parameter that cannot be used.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from metrics.parameters import one_of, scaled, switch, text
from metrics.ranges import ParameterError, ceil, check_order, floor, parse_time, step_for
from metrics.search_query import Search, parse
from metrics.selectors.series import DIMENSIONS, METRICS, NANOS, SCOPES, SPEND_DIMENSIONS, Question
from metrics.times import NS_PER_MS, to_ns
from metrics.trace_filter import ORDERS, SORTS, STATUSES, Order, TraceFilter

MOST_POINTS = 1_500
TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")
COMPARISONS = ("previous",)
STEP_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Field of the filter <- names in the URL, the first that is there wins.
TEXT_FILTERS = {
    **{name: (name,) for name in ("agent", "model", "environment", "tag", "team", "prompt", "flag", "name")},
    "version": ("version", "agent_version"),
    "session": ("session", "session_id"),
    "user": ("user", "user_id"),
    "error_type": ("error_type",),
    "trace_id": ("trace_id",),
}
# Parameter of an amount <- the field that it bounds, and how many of the field's units it counts in.
AMOUNTS = {
    "cost_usd": ("cost_nanos", NANOS),
    "duration_ms": ("duration_ns", NS_PER_MS),
    "tokens": ("tokens", 1),
    "spans": ("spans", 1),
    "errors": ("errors", 1),
}
AMOUNT_FILTERS = tuple(f"{bound}_{name}" for name in AMOUNTS for bound in ("min", "max"))
TRACE_FILTERS = frozenset(
    {"status", "error", "q", *AMOUNT_FILTERS, *(one for names in TEXT_FILTERS.values() for one in names)}
)
"""All that `trace_filter` reads."""
# Dimension of a series <- names in the URL, those of the trace list among them.
SERIES_FILTERS = {
    **{name: (name,) for name in (*DIMENSIONS, *SPEND_DIMENSIONS)},
    "agent_version": ("agent_version", "version"),
    "user": TEXT_FILTERS["user"],
}


def trace_filter(
    parameters: Mapping[str, str], *, start: datetime | None = None, end: datetime | None = None
) -> TraceFilter:
    """The filter of a trace list: status, agent, model, session, user, environment, tag, team, version, prompt, name
    (its beginning), error_type, error (any span failed), min_ and max_ of cost_usd, duration_ms, tokens, spans and
    errors, and q, the search box (metrics.search_query), whose filters must not contradict the others."""
    search = Search()
    if text(parameters, ("q",)):
        asked = parse(text(parameters, ("q",)))
        search, parameters = asked.search, _together(parameters, asked.filters)
    texts: dict[str, Any] = {name: text(parameters, names) for name, names in TEXT_FILTERS.items()}
    if texts["trace_id"] and not TRACE_ID.fullmatch(texts["trace_id"]):
        raise ParameterError("trace_id", "trace_id must be 32 hexadecimal digits.")
    amounts: dict[str, Any] = _amounts(parameters)
    return TraceFilter(
        status=one_of(parameters, "status", STATUSES, default=""),
        errors=switch(parameters, "error"),
        search=search,
        start_ns=to_ns(start) if start else None,
        end_ns=to_ns(end) if end else None,
        **texts,
        **amounts,
    )


def _together(parameters: Mapping[str, str], boxed: Mapping[str, str]) -> dict[str, str]:
    """The parameters with those that the search box stands for."""
    for name, value in boxed.items():
        given = text(parameters, TEXT_FILTERS.get(name, (name,)))
        if given and given != value:
            raise ParameterError("q", f"q asks for {name} {value}, the filter for {name} {given}: no trace has both.")
    return {**_named(parameters), **boxed}


def _amounts(parameters: Mapping[str, str]) -> dict[str, int]:
    found = {}
    for name, (column, scale) in AMOUNTS.items():
        for bound in ("min", "max"):
            if parameters.get(f"{bound}_{name}", "").strip():
                found[f"{bound}_{column}"] = scaled(parameters, f"{bound}_{name}", scale)
        least, most = found.get(f"min_{column}", 0), found.get(f"max_{column}")
        if most is not None and least > most:
            raise ParameterError(f"min_{name}", f"min_{name} must not be larger than max_{name}.")
    return found


def trace_order(parameters: Mapping[str, str]) -> Order:
    """The order of a trace list: sort, and order for its direction, largest first by default."""
    sort = one_of(parameters, "sort", SORTS, default="start")
    return Order(sort, ascending=one_of(parameters, "order", ORDERS, default="desc") == "asc")


def time_bounds(parameters: Mapping[str, str], *, tz: tzinfo = UTC) -> tuple[datetime | None, datetime | None]:
    """`from` and `to`, each optional."""
    start, end = (
        parse_time(parameters[name], parameter=name, tz=tz) if parameters.get(name) else None for name in ("from", "to")
    )
    if start and end:
        check_order(start, end)
    return start, end


def series_question(parameters: Mapping[str, str], *, project_id: int, now: datetime) -> Question:
    """The question of GET /api/v1/series. Default: the last hour, in steps that give at most 120 points.

    By user, team and tag only whole days are known: then the default is the last 30 of them.
    """
    metric = one_of(parameters, "metric", tuple(METRICS))
    allowed = METRICS[metric].aggregations
    group_by = one_of(parameters, "group_by", (*DIMENSIONS, *SPEND_DIMENSIONS), default="")
    asked = {name: text(parameters, names) for name, names in SERIES_FILTERS.items()}
    filters = {name: value for name, value in asked.items() if value}
    by_day = group_by in SPEND_DIMENSIONS or any(name in filters for name in SPEND_DIMENSIONS)
    if by_day:
        _check_spend(metric, group_by, filters)
        if not parameters.get("step"):
            parameters = {**_named(parameters), "step": "1d"}
        if not parameters.get("from") and not parameters.get("to"):
            parameters = {**_named(parameters), "from": (now - timedelta(days=29)).date().isoformat()}
    start, end, step = bins(parameters, now=now)
    if by_day and step % timedelta(days=1):
        raise ParameterError("step", "step must be whole days, like 1d, for figures by user, team or tag.")
    return Question(
        project_id=project_id,
        metric=metric,
        aggregation=one_of(parameters, "agg", allowed, default=allowed[0]),
        scope=one_of(parameters, "scope", tuple(SCOPES), default="request"),
        start=start,
        end=end,
        step=step,
        now=now,
        group_by=group_by,
        filters=filters,
        compare=bool(one_of(parameters, "compare", COMPARISONS, default="")),
    )


def _named(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters as a dict of texts: unpacked as it is, a QueryDict would give the list of every parameter."""
    return {name: parameters[name] for name in parameters}


def _check_spend(metric: str, group_by: str, filters: Mapping[str, str]) -> None:
    """Raises ParameterError for questions that the daily spend cannot answer."""
    if not METRICS[metric].in_spend:
        known = ", ".join(name for name, one in METRICS.items() if one.in_spend)
        raise ParameterError("metric", f"metric must be one of {known} for figures by user, team or tag.")
    used = {*filters, *([group_by] if group_by else [])}
    first = next(name for name in SPEND_DIMENSIONS if name in used)
    for other in sorted(used - {first}):
        raise ParameterError(
            other, f"{other} cannot be combined with {first}: spend is known by one of them at a time."
        )


def bins(
    parameters: Mapping[str, str], *, now: datetime, default: timedelta = timedelta(hours=1)
) -> tuple[datetime, datetime, timedelta]:
    """`from` and `to`, widened to whole bins of `step`. Without them the last `default`, in at most 120 bins."""
    start, end = time_bounds(parameters)
    end = end or max(now, start + default if start and start > now else now)
    start = start or end - default
    check_order(start, end)
    step = _step(parameters, end - start)
    start, end = floor(start, step), ceil(end, step)
    if (end - start) / step > MOST_POINTS:
        raise ParameterError(
            "step", f"step gives more than {MOST_POINTS} points: take a longer one or a shorter range."
        )
    return start, end, step


def _step(parameters: Mapping[str, str], length: timedelta) -> timedelta:
    """Whole minutes, as seconds or with a unit: 60, 60s, 5m, 1h, 1d."""
    given = parameters.get("step", "")
    if not given:
        return step_for(length)
    match = re.fullmatch(r"([0-9]{1,8})([smhd]?)", given)
    seconds = int(match[1]) * STEP_UNITS[match[2] or "s"] if match else 0
    if not seconds or seconds % 60 or seconds > 366 * 86_400:
        raise ParameterError("step", "step must be whole minutes, like 60, 5m, 1h or 1d.")
    return timedelta(seconds=seconds)
