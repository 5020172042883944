"""Which metrics and series there are, out of the catalogue that ingest keeps (`metrics.services.catalogue`)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from console.lib.sql import load
from metrics.models import Metric, Series
from metrics.times import NS_PER_MINUTE

# A question reads points of so many series at most, those with the latest points first.
MOST_SERIES = 10_000
# Series counted per metric in a list; beyond it says "more".
MOST_COUNTED = 1_000
# Series whose attributes make the choices of filters, and values offered of each.
RECENT_SERIES = 1_000
MOST_VALUES = 100
# Of a series; all other keys are those of its attributes.
COLUMNS = ("service", "environment")


@dataclass(frozen=True, slots=True)
class MetricLine:
    """A metric of the list and how many series it has, counted up to MOST_COUNTED."""

    metric: Metric
    series_count: int

    @property
    def many(self) -> bool:
        return self.series_count >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class MetricPage:
    """Metrics by name; `after` is the name and kind where the next page begins."""

    lines: list[MetricLine]
    after: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Series of a question: ids, the group of each and whether it is of deltas, in which senders of one metric may
    differ; the labels of the groups, and how many series were left out."""

    ids: list[bytes]
    groups: list[int]
    deltas: list[bool]
    labels: list[dict[str, str]]
    omitted: int

    def only(self, *, deltas: bool) -> "Chosen":
        """The series of deltas, or the others."""
        kept = [place for place, delta in enumerate(self.deltas) if delta == deltas]
        ids, groups = [self.ids[place] for place in kept], [self.groups[place] for place in kept]
        return Chosen(ids, groups, [deltas] * len(kept), self.labels, self.omitted)


def metrics(project_id: int, *, text: str = "", limit: int = 50, after: tuple[str, str] | None = None) -> MetricPage:
    """Metrics whose name contains `text`, by name. Two queries."""
    rows = Metric.objects.filter(project_id=project_id).order_by("name", "kind")
    if text:
        rows = rows.filter(name__icontains=text)
    if after is not None:
        name, kind = after
        rows = rows.filter(Q(name__gt=name) | Q(name=name, kind__gt=kind))
    found = list(rows[: limit + 1])
    counts = _counts(project_id, found[:limit])
    lines = [MetricLine(row, counts.get((row.name, row.kind), 0)) for row in found[:limit]]
    last = lines[-1].metric if len(found) > limit else None
    return MetricPage(lines, (last.name, last.kind) if last else None)


def _counts(project_id: int, found: Sequence[Metric]) -> dict[tuple[str, str], int]:
    parameters: dict[str, Any] = {
        "project": project_id,
        "names": [row.name for row in found],
        "kinds": [row.kind for row in found],
        "most": MOST_COUNTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "count_series"), parameters)
        return {(name, kind): count for name, kind, count in cursor.fetchall()}


def find(project_id: int, name: str, kind: str = "") -> Metric | None:
    """A metric by name; of several kinds the one with the latest point."""
    rows = Metric.objects.filter(project_id=project_id, name=name).order_by("-last_ns")
    return (rows.filter(kind=kind) if kind else rows).first()


def choose(
    metric: Metric,
    *,
    start_ns: int,
    end_ns: int,
    where: Sequence[tuple[str, str]] = (),
    group_by: Sequence[str] = (),
) -> Chosen:
    """The series of a metric with points in or around the range that fit all of `where`, grouped. One query."""
    # The catalogue hears of a series' points a minute late.
    rows = Series.objects.filter(
        project_id=metric.project_id, name=metric.name, kind=metric.kind,
        last_ns__gte=start_ns - NS_PER_MINUTE, first_ns__lt=end_ns,
    )  # fmt: skip
    for number, (key, value) in enumerate(where):
        rows, column = _column(rows, key, f"where_{number}")
        rows = rows.filter(**{column: value})
    columns = []
    for number, key in enumerate(group_by):
        rows, column = _column(rows, key, f"group_{number}")
        columns.append(column)
    found = list(rows.order_by("-last_ns").values_list("series", "temporality", *columns)[: MOST_SERIES + 1])
    omitted = max(len(found) - MOST_SERIES, 0)
    numbers: dict[tuple[str, ...], int] = {}
    ids, groups, deltas = [], [], []
    for series, temporality, *values in found[:MOST_SERIES]:
        key_of = tuple(value or "" for value in values)
        ids.append(bytes(series))
        groups.append(numbers.setdefault(key_of, len(numbers)))
        deltas.append(temporality == "delta")
    labels = [dict(zip(group_by, values, strict=True)) for values in numbers]
    return Chosen(ids, groups, deltas, labels, omitted)


def _column(rows: QuerySet[Series], key: str, alias: str) -> tuple[QuerySet[Series], str]:
    """The rows with the value of a key as text under a name, and the name."""
    if key in COLUMNS:
        return rows, key
    return rows.annotate(**{alias: KeyTextTransform(key, "attributes")}), alias


def choices(metric: Metric) -> dict[str, list[str]]:
    """Keys and values of the RECENT_SERIES latest series, for the lists of the explorer. One query."""
    rows = Series.objects.filter(project_id=metric.project_id, name=metric.name, kind=metric.kind)
    found: dict[str, set[str]] = defaultdict(set)
    latest = rows.order_by("-last_ns").values_list("service", "environment", "attributes")[:RECENT_SERIES]
    for *columns, attributes in latest:
        for key, value in [*zip(COLUMNS, columns, strict=True), *attributes.items()]:
            if isinstance(value, str | int | float) and value != "" and len(found[key]) < MOST_VALUES:
                found[key].add(_text(value))
    return {key: sorted(values) for key, values in sorted(found.items()) if values}


def _text(value: str | float) -> str:
    """As PostgreSQL writes a JSON value as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)
