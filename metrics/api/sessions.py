"""GET /api/v1/sessions and /api/v1/sessions/{session_id}."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import check_query
from console.lib.http import invalid, next_link, page_size
from metrics import access, questions, session_questions, wire
from metrics.api.query import QueryView, query_parameters
from metrics.cursors import cursor_of_place, place
from metrics.ranges import ParameterError
from metrics.selectors import sessions
from metrics.services import masking
from metrics.trace_filter import STATUSES

CURSOR, TRACE_CURSOR = "sessions", "session"
PARAMETERS = query_parameters(
    "user", "user_id", "agent", "environment", "from", "to", "limit", "cursor", status=STATUSES
)
TRACE_PARAMETERS = query_parameters("limit", "cursor")


class SessionListView(QueryView):
    """The sessions of the project, newest activity first."""

    @extend_schema(
        operation_id="sessions_list",
        summary="List sessions",
        description=(
            "Newest activity first; `from` and `to` bound the last activity, `status` is that of the last trace. "
            "Summaries follow their traces within seconds. A search reads a bounded number of sessions: when it stops "
            "before a page is full, `searched_back_to` says how far it came and `next` goes on."
        ),
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        parameters: Mapping[str, str] = request.query_params
        try:
            start, end = questions.time_bounds(parameters)
            chosen = session_questions.session_filter(parameters, start=start, end=end)
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        after = place(parameters["cursor"], CURSOR, raw_id=False) if parameters.get("cursor") else None
        chosen = replace(chosen, user=masking.stored_id(self.project.pk, chosen.user))
        page = sessions.page(self.project.pk, chosen, limit=page_size(parameters.get("limit")), after=after)
        cursor = cursor_of_place(page.after, CURSOR) if page.after else None
        return Response(
            {
                "results": [wire.session(row) for row in page.sessions],
                "searched_back_to": None if page.stopped_ns is None else wire.time_text(page.stopped_ns),
                "next": next_link(request, cursor),
            }
        )


class SessionView(QueryView):
    """One session with its traces, oldest first."""

    @extend_schema(
        operation_id="sessions_retrieve",
        summary="A session with its traces",
        description=(
            "An id that does not fit into a path may be written as `~` and its UTF-8 in base64url. "
            "`traces` are oldest first; `next` is the page behind them."
        ),
        parameters=[OpenApiParameter("session_id", str, OpenApiParameter.PATH), *TRACE_PARAMETERS],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, session_id: str) -> Response:
        check_query(request, TRACE_PARAMETERS)
        session = access.session(self.project, session_id)
        given = request.query_params.get("cursor")
        start = place(given, TRACE_CURSOR) if given else sessions.BEGINNING
        part = sessions.traces(session, limit=page_size(request.query_params.get("limit")), after=start)
        cursor = cursor_of_place(sessions.place_of(part.traces[-1]), TRACE_CURSOR) if part.later else None
        body: dict[str, Any] = wire.session(session)
        body["traces"] = [wire.trace(row) for row in part.traces]
        return Response(body | {"next": next_link(request, cursor)})
