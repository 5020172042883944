"""The catalogue of metrics: what ingest enters into it."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from metrics.ingest.rows import PointRow
from metrics.models import Metric, Series
from metrics.services import catalogue
from metrics.times import NS_PER_DAY, NS_PER_MINUTE, to_ns
from tests.metrics.sending import NOW

AT = to_ns(NOW)


def point(name: str = "requests", series: int = 1, time_ns: int = AT, **rest: Any) -> PointRow:
    given: dict[str, Any] = {
        "name": name, "series": series.to_bytes(16, "big"), "time_ns": time_ns, "start_ns": None, "kind": "sum",
        "temporality": "delta", "monotonic": True, "unit": "1", "value": 1.0, "count": None, "total": None,
        "minimum": None, "maximum": None, "histogram": None, "attributes": f'{{"n": {series}}}', "service": "shop",
        "environment": "prod",
    }  # fmt: skip
    return PointRow(**(given | rest))


def note(project: Project, rows: Sequence[PointRow]) -> None:
    with connection.cursor() as cursor:
        catalogue.note(cursor, project.pk, rows)


def test_series_and_metric_know_their_first_and_last_point(project: Project) -> None:
    note(project, [point(time_ns=AT), point(time_ns=AT - 5), point(series=2), point("other", kind="gauge")])
    note(project, [point(time_ns=AT + 2 * NS_PER_MINUTE)])
    one = Series.objects.get(name="requests", series=(1).to_bytes(16, "big"))
    assert (one.first_ns, one.last_ns, one.attributes) == (AT - 5, AT + 2 * NS_PER_MINUTE, {"n": 1})
    metrics = {(row.name, row.kind): row for row in Metric.objects.all()}
    assert set(metrics) == {("requests", "sum"), ("other", "gauge")}
    assert metrics["requests", "sum"].last_ns == AT + 2 * NS_PER_MINUTE
    assert metrics["requests", "sum"].overflow_ns is None


def test_series_beyond_the_cap_are_left_out_and_said(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_SERIES_PER_DAY", 3)
    for series in range(5):
        note(project, [point(series=series)])
    assert Series.objects.count() == 3
    assert Metric.objects.get().overflow_ns == AT
    tomorrow = AT + NS_PER_DAY + 1
    note(project, [point(series=9, time_ns=tomorrow)])
    assert Series.objects.filter(series=(9).to_bytes(16, "big")).exists()
    note(project, [point(series=1, time_ns=tomorrow)])
    assert Series.objects.get(series=(1).to_bytes(16, "big")).last_ns == tomorrow


@pytest.mark.django_db(transaction=True)
def test_series_that_this_process_just_told_of_cost_nothing() -> None:
    project = Project.objects.create(slug="counted", name="Counted")
    note(project, [point()])
    with CaptureQueriesContext(connection) as captured:
        note(project, [point(time_ns=AT + NS_PER_MINUTE // 2)])
    assert len(captured) == 0
    with CaptureQueriesContext(connection) as captured:
        note(project, [point(time_ns=AT + 2 * NS_PER_MINUTE)])
    assert len(captured) == 1
