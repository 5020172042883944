"""GET /api/v1/traces, /api/v1/traces/{trace_id} and /api/v1/series: what the console knows, for programs."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import invalid, next_link, page_size
from metrics import access, questions, wire
from metrics.cursors import cursor_of, position
from metrics.ranges import ParameterError
from metrics.selectors import details, flags, scores, series, spans, traces
from metrics.services import masking
from metrics.trace_filter import ORDERS, SORTS, STATUSES


def query_parameters(*names: str, **enums: tuple[str, ...]) -> list[OpenApiParameter]:
    """Query parameters as the schema describes them: free text by name, and those with a list of words."""
    free = [OpenApiParameter(name, str) for name in names]
    return free + [OpenApiParameter(name, str, enum=list(values)) for name, values in enums.items()]


TRACES = query_parameters(
    *sorted(questions.TRACE_FILTERS - {"status"}), "from", "to", "limit", "cursor", status=STATUSES, sort=SORTS,
    order=ORDERS,
)  # fmt: skip
SERIES = query_parameters(
    "step", "from", "to", *(name for names in questions.SERIES_FILTERS.values() for name in names),
    metric=tuple(series.METRICS), agg=series.AGGREGATIONS, scope=tuple(series.SCOPES),
    group_by=(*series.DIMENSIONS, *series.SPEND_DIMENSIONS), compare=questions.COMPARISONS,
)  # fmt: skip


class QueryView(ApiView):
    """Reads telemetry: keys with telemetry:read, people with telemetry.view."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW}


class TraceListView(QueryView):
    """The traces of the project, newest first unless another order is asked for.

    `q` is the search box of the page: words, `key=value`, and comparisons like `cost>0.05`. `session_id`, `user_id` and
    `agent_version` are other names of `session`, `user` and `version`. A parameter that is not listed here is a 422.
    """

    @extend_schema(
        operation_id="traces_list",
        summary="List traces",
        parameters=TRACES,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, TRACES)
        parameters: Mapping[str, str] = request.query_params
        try:
            start, end = questions.time_bounds(parameters)
            asked = questions.trace_filter(parameters, start=start, end=end)
            order = questions.trace_order(parameters)
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        after = position(parameters["cursor"], order.key) if parameters.get("cursor") else None
        limit = page_size(parameters.get("limit"))
        chosen = masking.stored_as(self.project.pk, asked)
        page = traces.page(self.project.pk, chosen, order=order, limit=limit, after=after)
        cursor = cursor_of(page.after, order.key) if page.after else None
        results = [wire.trace(row) for row in page.traces]
        return Response({"results": results, "next": next_link(request, cursor)})


class TraceView(QueryView):
    """One trace with its spans."""

    @extend_schema(summary="A trace with all its spans", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, trace_id: str) -> Response:
        trace = access.trace(self.project, trace_id)
        rows = spans.of_trace(trace)
        body: dict[str, Any] = wire.trace(trace)
        body["reported_cost_usd"] = wire.reported_cost(rows)
        found = details.of_spans(trace, rows)
        body["spans"] = [wire.span(row, detail) for row, detail in zip(rows, found, strict=True)]
        given: dict[str | None, list[dict[str, Any]]] = defaultdict(list)
        for score in scores.of_trace(self.project.pk, bytes(trace.trace_id)):
            given[wire.hex_id(score.span_id)].append(wire.score(score))
        body["scores"] = given.get(None, [])
        flagged = flags.of_trace(trace)
        for span in body["spans"]:
            span["scores"] = given.get(span["span_id"], [])
            span["flags"] = flagged.get(span["span_id"], [])
        return Response(body)


class SeriesView(QueryView):
    """A metric over time."""

    @extend_schema(
        summary="A metric over time",
        parameters=SERIES,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, SERIES)
        try:
            question = questions.series_question(request.query_params, project_id=self.project.pk, now=clock.now())
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        answer = series.ask(question)
        body: dict[str, Any] = {
            "metric": question.metric,
            "agg": question.aggregation,
            "scope": question.scope,
            "unit": question.unit,
            "step_seconds": int(question.step.total_seconds()),
            "from": clock.rfc3339(question.start),
            "to": clock.rfc3339(question.end),
            "series": [wire.line(line.labels, line.points) for line in answer.lines],
            "omitted_series": answer.omitted,
        }
        if question.compare:
            # The same lines a whole range earlier, at the times that they are compared with.
            body["previous_series"] = [wire.line(line.labels, line.points) for line in answer.previous]
        return Response(body)
