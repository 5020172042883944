"""/api/v1/feedback: what was decided, as JSON lines that can be followed by cursor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar

from asgiref.sync import sync_to_async
from django.http import QueryDict, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from agents.api.base import ApiView
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib.http import Problem, invalid
from reviews.models import FeedbackExample
from reviews.selectors.feedback import (
    START,
    FeedbackFilter,
    Position,
    chunk,
    cursor_at,
    position_of,
    settled_end,
)
from reviews.serializers.feedback import line_of


class NdjsonRenderer(JSONRenderer):
    """Lets clients that accept nothing but JSON lines in; the lines themselves are streamed, not rendered."""

    media_type = "application/x-ndjson"
    format = "ndjson"


PARAMETERS = ("cursor", "since", "agent", "action", "verdict", "include")


class FeedbackView(ApiView):
    """Labelled examples of a project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_VIEW}
    renderer_classes = [JSONRenderer, NdjsonRenderer]

    @extend_schema(
        operation_id="feedback_stream",
        parameters=[OpenApiParameter(name, str) for name in PARAMETERS],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Streams examples, oldest first, up to what is settled when the request arrives.

        `since` takes a time, or like `cursor` the cursor of a line or of the header Handrail-Cursor.
        """
        query = request._request.GET
        after, filters = _after(self.project, query), _filters(query)
        end = settled_end(self.project)
        response = StreamingHttpResponse(_lines(self.project, after, end, filters), content_type="application/x-ndjson")
        reached = end if (end.transaction, end.row) > (after.transaction, after.row) else after
        response["Handrail-Cursor"] = cursor_at(reached)
        response["Cache-Control"] = "no-store"
        return response


async def _lines(project: Project, after: Position, end: Position, filters: FeedbackFilter) -> AsyncIterator[bytes]:
    """One line for each example; the database is asked for some hundred at a time and let go in between."""
    while rows := await sync_to_async(chunk)(project, after=after, end=end, filters=filters):
        yield b"".join(json.dumps(line_of(row), ensure_ascii=False).encode() + b"\n" for row in rows)
        after = Position(rows[-1].transaction, rows[-1].pk)


def _after(project: Project, query: QueryDict) -> Position:
    cursor, since = query.get("cursor", ""), query.get("since", "")
    if not cursor and since and _time(since) is None:
        try:
            return position_of(project, since)
        except Problem:
            raise invalid("since", "must be a time such as 2026-01-31T12:00:00Z or a cursor") from None
    return position_of(project, cursor) if cursor else START


def _filters(query: QueryDict) -> FeedbackFilter:
    verdict, include = query.get("verdict", ""), query.get("include", "")
    if verdict and verdict not in FeedbackExample.Verdict.values:
        raise invalid("verdict", f"must be one of {', '.join(FeedbackExample.Verdict.values)}")
    if include not in {"", "undecided"}:
        raise invalid("include", "must be undecided")
    if query.get("wait", "0") not in {"", "0"}:
        raise invalid("wait", "following arrives with a later release: ask again with the last cursor")
    if any("\x00" in query.get(name, "") for name in ("action", "agent")):
        raise invalid("action" if "\x00" in query.get("action", "") else "agent", "must not contain NUL characters")
    return FeedbackFilter(
        action=query.get("action", ""),
        agent=query.get("agent", ""),
        verdict=verdict,
        recorded_since=_time(query.get("since", "")),
        undecided=include == "undecided" or verdict in FeedbackExample.UNDECIDED,
    )


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
