"""What a URL asks for: filters of traces and series questions, read and checked. Pages and the API share these.

Every function raises `metrics.ranges.ParameterError` naming the parameter that cannot be used.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from metrics.parameters import one_of, scaled, switch, text
from metrics.ranges import ParameterError, ceil, check_order, floor, parse_time, step_for
from metrics.selectors.series import AGGREGATIONS, DIMENSIONS, METRICS, NANOS, QUANTILES, SCOPES, Question
from metrics.selectors.traces import SORTS, STATUSES, TraceFilter
from metrics.times import NS_PER_MS, to_ns

MOST_POINTS = 1_500
STEP_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Field of the filter <- names in the URL, the first that is there wins.
TEXT_FILTERS = {
    "agent": ("agent",),
    "model": ("model",),
    "session": ("session", "session_id"),
    "user": ("user", "user_id"),
    "environment": ("environment",),
    "tag": ("tag",),
    "name": ("name",),
}


def trace_filter(
    parameters: Mapping[str, str], *, start: datetime | None = None, end: datetime | None = None
) -> TraceFilter:
    """The filter of a trace list: status, agent, model, session, user, environment, tag, name (its beginning), error,
    min_cost_usd, min_duration_ms."""
    status = parameters.get("status", "")
    if status and status not in STATUSES:
        raise ParameterError("status", f"status must be one of {', '.join(STATUSES)}.")
    texts = {name: text(parameters, names) for name, names in TEXT_FILTERS.items()}
    return TraceFilter(
        status=status,
        errors=switch(parameters, "error"),
        min_cost_nanos=scaled(parameters, "min_cost_usd", NANOS),
        min_duration_ns=scaled(parameters, "min_duration_ms", NS_PER_MS),
        start_ns=to_ns(start) if start else None,
        end_ns=to_ns(end) if end else None,
        **texts,
    )


def trace_sort(parameters: Mapping[str, str]) -> str:
    """The sort of a trace list."""
    return one_of(parameters, "sort", tuple(SORTS), default="start")


def time_bounds(parameters: Mapping[str, str], *, tz: tzinfo = UTC) -> tuple[datetime | None, datetime | None]:
    """`from` and `to`, each optional."""
    start, end = (
        parse_time(parameters[name], parameter=name, tz=tz) if parameters.get(name) else None for name in ("from", "to")
    )
    if start and end:
        check_order(start, end)
    return start, end


def series_question(parameters: Mapping[str, str], *, project_id: int, now: datetime) -> Question:
    """The question of GET /api/v1/series. Default: the last hour, in steps that give at most 120 points."""
    metric = one_of(parameters, "metric", tuple(METRICS))
    quantile = metric == "latency_ms"
    allowed = tuple(QUANTILES) if quantile else tuple(name for name in AGGREGATIONS if name not in QUANTILES)
    aggregation = one_of(parameters, "agg", allowed, default="p95" if quantile else "sum")
    start, end, step = bins(parameters, now=now)
    group_by = one_of(parameters, "group_by", DIMENSIONS, default="")
    return Question(
        project_id=project_id,
        metric=metric,
        aggregation=aggregation,
        scope=one_of(parameters, "scope", tuple(SCOPES), default="request"),
        start=start,
        end=end,
        step=step,
        now=now,
        group_by=group_by,
        filters={name: text(parameters, (name,)) for name in DIMENSIONS if parameters.get(name)},
    )


def bins(parameters: Mapping[str, str], *, now: datetime) -> tuple[datetime, datetime, timedelta]:
    """`from` and `to`, widened to whole bins of `step`. Default: the last hour, in at most 120 bins."""
    start, end = time_bounds(parameters)
    end = end or max(now, start + timedelta(hours=1) if start and start > now else now)
    start = start or end - timedelta(hours=1)
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
