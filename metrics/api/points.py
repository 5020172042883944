"""GET /api/v1/metrics and /api/v1/points: what senders measured themselves."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import check_query
from console.lib import clock
from console.lib.http import Problem, decode_cursor, encode_cursor, invalid, next_link, page_size
from metrics import access, point_questions, questions, wire
from metrics.api.query import QueryView, query_parameters
from metrics.parameters import text
from metrics.ranges import ParameterError
from metrics.selectors import catalogue, points
from metrics.selectors.catalogue import MetricLine

METRICS = query_parameters("q", "limit", "cursor")
POINTS = [
    OpenApiParameter("name", str, required=True),
    *query_parameters("step", "from", "to", kind=points.KINDS, agg=points.AGGREGATIONS),
    OpenApiParameter("where", str, many=True),
    OpenApiParameter("group_by", str, many=True),
]


def cursor_of_metric(after: tuple[str, str] | None) -> str | None:
    """The cursor of a list of metrics."""
    return encode_cursor(after) if after else None


def metric_place(cursor: str) -> tuple[str, str]:
    """The name and kind that a cursor means. Raises Problem 400 naming `cursor`."""
    name, kind = decode_cursor(cursor, length=2)
    if not isinstance(name, str) or not isinstance(kind, str) or "\x00" in name + kind:
        raise Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]})
    return name, kind


class MetricListView(QueryView):
    """The metrics of the project, by name."""

    @extend_schema(
        operation_id="metrics_list",
        summary="List metrics",
        description="What senders measured themselves, by name. `q` is a part of the name.",
        parameters=METRICS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, METRICS)
        parameters: Mapping[str, str] = request.query_params
        try:
            part = text(parameters, ("q",))
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        after = metric_place(parameters["cursor"]) if parameters.get("cursor") else None
        page = catalogue.metrics(self.project.pk, text=part, limit=page_size(parameters.get("limit")), after=after)
        results = [_metric(line) for line in page.lines]
        return Response({"results": results, "next": next_link(request, cursor_of_metric(page.after))})


def _metric(line: MetricLine) -> dict[str, Any]:
    metric = line.metric
    return {
        "name": metric.name,
        "kind": metric.kind,
        "unit": metric.unit or None,
        "temporality": metric.temporality or None,
        "monotonic": metric.monotonic,
        "first_seen": wire.time_text(metric.first_ns),
        "last_seen": wire.time_text(metric.last_ns),
        "series": line.series_count,
        "more_series": line.many,
        "aggregations": list(points.aggregations(metric)),
    }


class PointsView(QueryView):
    """A metric of a sender over time."""

    @extend_schema(
        operation_id="points_query",
        summary="A sender's metric over time",
        description=(
            "`where` is a repeatable `key=value`; keys, also those of `group_by`, are attributes of the points, "
            "`service` or `environment`. Questions about too many points are refused.\n\n"
            "`agg` is one of those that GET /api/v1/metrics lists for the metric, the first by default:\n"
            "- sums: `rate` per second and `sum`, which is what was added in each step; of cumulative sums that also "
            "fall, `last` first, the level of all series together, and `sum` is then the change;\n"
            "- gauges: `avg`, `min` and `max` of all points, `last`, the mean over the series of the last value of "
            "each, and `sum`, these values added up;\n"
            "- histograms: `p50`, `p90`, `p95`, `p99`, and `avg`, `sum`, `count` and `rate` (per second) of the "
            "values measured;\n"
            "- summaries: `quantiles` as sent, of one series a line, and `avg`, `sum`, `count` and `rate`.\n\n"
            "A counted point covers the time after its start up to its own time, also the one that a cumulative "
            "point adds to the one before; it is spread evenly over the steps in that time. Deltas and totals of the "
            "same measurement therefore give the same answer."
        ),
        parameters=POINTS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, POINTS)
        parameters = request.query_params
        now = clock.now()
        try:
            name = text(parameters, ("name",))
            if not name:
                raise ParameterError("name", "name must be that of a metric: see GET /api/v1/metrics.")
            metric = access.metric(self.project, name, text(parameters, ("kind",)))
            question = point_questions.point_question(
                metric,
                parameters,
                where=parameters.getlist("where"),
                group_by=parameters.getlist("group_by"),
                bins=questions.bins(parameters, now=now),
                now=now,
            )
            answer = points.ask(question)
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        lines = [wire.line(one.labels, one.points) for one in answer.lines]
        return Response(
            {
                "name": metric.name,
                "kind": metric.kind,
                "agg": question.aggregation,
                "unit": question.unit or None,
                "step_seconds": int(question.step.total_seconds()),
                "from": clock.rfc3339(question.start),
                "to": clock.rfc3339(question.end),
                "series": lines,
                "omitted_series": answer.omitted_lines,
                "unread_series": answer.omitted_series,
                "notes": answer.notes,
            }
        )
