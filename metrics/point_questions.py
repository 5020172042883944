"""What a URL asks of metric points. Pages and the API share it; raises ParameterError naming the parameter."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from metrics.log_questions import pairs
from metrics.models import Metric
from metrics.parameters import LONGEST_VALUE, one_of
from metrics.ranges import ParameterError
from metrics.selectors.points import PointQuestion, aggregations

MOST_KEYS = 4


def group_keys(given: Sequence[str]) -> tuple[str, ...]:
    """Keys to group by, from values of a repeatable parameter that may each name several with commas."""
    keys = tuple(dict.fromkeys(key.strip() for one in given for key in one.split(",") if key.strip()))
    if len(keys) > MOST_KEYS or any(len(key) > LONGEST_VALUE or "\x00" in key for key in keys):
        raise ParameterError("group_by", f"group_by may name up to {MOST_KEYS} keys.")
    return keys


def point_question(
    metric: Metric,
    parameters: Mapping[str, str],
    *,
    where: Sequence[str],
    group_by: Sequence[str],
    bins: tuple[datetime, datetime, timedelta],
    now: datetime,
) -> PointQuestion:
    """The question about points of a metric; `where` are "key=value", keys are attributes, service or environment."""
    allowed = aggregations(metric)
    start, end, step = bins
    return PointQuestion(
        metric=metric,
        aggregation=one_of(parameters, "agg", allowed, default=allowed[0]),
        start=start,
        end=end,
        step=step,
        now=now,
        where=pairs("where", where),
        group_by=group_keys(group_by),
    )
