"""How fast the queue's flow is counted, and how fast a year of it is read: `python -m bench.analytics`."""

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.database import database
from bench.table import Figure, show

REQUESTS = 2_000
READ = 20
VALUES = {"all": 1, "action": 100, "agent": 20, "team": 10, "reviewer": 20}


def figures() -> Iterator[Figure]:
    """Entries a second, and both resolutions of the page over all dimensions."""
    with database():
        from agents.models import Project

        project = Project.objects.create(slug="large", name="Large")
        yield Figure("requests counted, came and closed", _counted(project), "/s", 300, more_is_better=True)
        _fill(project)
        for name, days in (("2 days by the hour", 2), ("30 days by the day", 30), ("400 days by the day", 400)):
            yield Figure(f"analytics of {name}, p95", _p95(_milliseconds(project, days)), "ms", 300, 100)


def _counted(project: Any) -> float:
    from agents.authentication import Caller
    from agents.models import ApiKey
    from reviews.models import Approval
    from reviews.services import flow
    from reviews.services.requests import Asked, ItemDraft, RequestDraft, cancel_request, create_requests

    key = ApiKey.objects.create(project=project, name="bot", secret_hash=b"0" * 32, scopes=[])
    now = datetime.now(UTC)
    by = Caller(key=key)
    for batch in range(REQUESTS // 100):
        drafts = [
            RequestDraft(items=(ItemDraft(action=f"action {n}"),), agent=f"agent {batch}", timeout=timedelta(hours=1))
            for n in range(100)
        ]
        for approval in create_requests(asked=[Asked(project=project, by=by, draft=one) for one in drafts], now=now):
            assert isinstance(approval, Approval)  # the default policy refuses nothing
            cancel_request(approval=approval, by=by, now=now)
    began = time.perf_counter()
    counted = 0
    while batch := flow.count():
        counted += batch
    return counted / 2 / (time.perf_counter() - began)


def _milliseconds(project: Any, days: int) -> list[float]:
    """What the page reads, whole and told apart by action."""
    from metrics.ranges import TimeRange
    from reviews.models import Dimension
    from reviews.selectors import analytics

    now = datetime.now(UTC)
    asked = analytics.window(
        TimeRange(start=now - timedelta(days=days), end=now, step=timedelta(minutes=1), now=now, tz=UTC)
    )
    times = []
    for _ in range(READ):
        began = time.perf_counter()
        analytics.summary(project, asked)
        analytics.lines(project, asked, Dimension.ACTION)
        times.append((time.perf_counter() - began) * 1_000)
    return times


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _fill(project: Any) -> None:
    """A year of counts: every value of every dimension did something in every hour."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reviews_flowrollup")
        for dimension, values in VALUES.items():
            parameters = {"project": project.pk, "dimension": dimension, "values": values}
            cursor.execute(_ROLLUPS, {**parameters, "seconds": 3_600, "periods": 40 * 24})
            cursor.execute(_ROLLUPS, {**parameters, "seconds": 86_400, "periods": 400})
        cursor.execute("VACUUM (ANALYZE) reviews_flowrollup")


_ROLLUPS = """
INSERT INTO reviews_flowrollup (
    project_id, seconds, dimension, start, value,
    arrivals, arrivals_offset, closings, closings_offset, approved, edited, rejected, answered, mixed, expired,
    timed_out, cancelled, automatic, suggested, overridden, decisions, hasty, timed, wait_sum, stay_sum, timed_sum,
    waits, times_short, times_long
)
SELECT %(project)s, %(seconds)s, %(dimension)s, to_timestamp(period.start), value::text,
       50, 0, 50, 0, 40, 2, 5, 0, 0, 3, 0, 0, 0, 50, 5, 50, 1, 50, 5000, 5000, 1000, pairs.flat, pairs.flat, pairs.flat
  FROM (SELECT floor(extract(epoch FROM now()) / %(seconds)s) * %(seconds)s - n * %(seconds)s AS start
          FROM generate_series(0, %(periods)s) AS n) AS period,
       generate_series(1, %(values)s) AS value,
       (SELECT array_agg(number ORDER BY place, number DESC) AS flat
          FROM (SELECT place, unnest(ARRAY[300 + place * 4, 1]) AS number FROM generate_series(1, 40) AS place) AS pair
       ) AS pairs
"""


def main() -> None:
    """Measures and prints one table."""
    show(figures())


if __name__ == "__main__":
    main()
