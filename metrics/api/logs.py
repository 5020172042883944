"""GET /api/v1/logs: log records, newest first."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import check_query
from console.lib.http import invalid, next_link, page_size
from metrics import log_questions, questions, wire
from metrics.api.query import QueryView, query_parameters
from metrics.cursors import cursor_of_place, place
from metrics.models import Log
from metrics.ranges import ParameterError
from metrics.selectors import logs

CURSOR = "logs"
PARAMETERS = [
    *query_parameters(
        "service", "environment", "event", "trace_id", "span_id", "q", "from", "to", "limit", "cursor",
        severity=tuple(logs.SEVERITIES),
    ),
    OpenApiParameter("attribute", str, many=True),
]  # fmt: skip


class LogListView(QueryView):
    """The log records of the project, newest first."""

    @extend_schema(
        operation_id="logs_list",
        summary="Search log records",
        description=(
            "Newest first. `severity` is the least one, `q` words that must all occur in the body, `attribute` a "
            "repeatable `key=value` of the record, its scope or its resource. A search reads a bounded number of "
            "records: when it stops before a page is full, `searched_back_to` says how far it came and `next` goes on."
        ),
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        parameters: Mapping[str, str] = request.query_params
        try:
            start, end = questions.time_bounds(parameters)
            attributes = request.query_params.getlist("attribute")
            chosen = log_questions.log_filter(parameters, attributes=attributes, start=start, end=end)
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        after = place(parameters["cursor"], CURSOR) if parameters.get("cursor") else None
        limit = page_size(parameters.get("limit"))
        page = logs.page(self.project.pk, chosen, limit=limit, after=after)
        cursor = cursor_of_place(page.after, CURSOR) if page.after else None
        return Response(
            {
                "results": [_record(log) for log in page.logs],
                "searched_back_to": None if page.stopped_ns is None else wire.time_text(page.stopped_ns),
                "next": next_link(request, cursor),
            }
        )


def _record(log: Log) -> dict[str, Any]:
    return wire.log(log, *logs.content_of(log))
