"""/api/v1/feedback: what was decided, as JSON lines that can be followed by cursor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
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
from console.lib.http import Problem, check_names, invalid
from reviews.api.reading import wait_seconds
from reviews.models import FeedbackExample
from reviews.selectors.feedback import (
    NO_OUTCOME,
    START,
    FeedbackFilter,
    Position,
    chunk,
    cursor_at,
    names_reviewers,
    position_of,
    settled_end,
)
from reviews.serializers.feedback import line_of
from reviews.services.outcomes import OUTCOMES


class NdjsonRenderer(JSONRenderer):
    """Lets clients that accept nothing but JSON lines in; the lines themselves are streamed, not rendered."""

    media_type = "application/x-ndjson"
    format = "ndjson"


PARAMETERS = ("cursor", "since", "until", "agent", "action", "verdict", "label", "outcome", "include", "wait")
INCLUDES = frozenset({"scores", "undecided"})
CONTENT_TYPE = "application/x-ndjson"
SCOPE = Scope.FEEDBACK_READ
PERMISSION = Permission.FEEDBACK_VIEW


class FeedbackView(ApiView):
    """Labelled examples of a project. Waits are served by reviews.api.feedback_wait, in front of Django."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": SCOPE}
    permissions: ClassVar[dict[str, Permission]] = {"GET": PERMISSION}
    renderer_classes = [JSONRenderer, NdjsonRenderer]

    @extend_schema(
        operation_id="feedback_stream",
        parameters=[OpenApiParameter(name, str) for name in PARAMETERS],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Streams examples, oldest first, up to what is settled when the request arrives.

        `since` takes a time, or like `cursor` the cursor of a line or of the header Handrail-Cursor. `wait` is a number
        of seconds up to 60: when there is nothing yet, the answer comes as soon as there is, or empty at their end.
        `include=undecided` adds requests that ended without a decision, and `include=scores` a revision for each change
        of the scores that people gave the trace or its spans; both may be given, with a comma.
        """
        asked = asked_for(self.project, request._request.GET)
        end = settled_end(self.project)
        response = StreamingHttpResponse(_lines(self.project, asked, end), content_type=CONTENT_TYPE)
        response["Handrail-Cursor"] = cursor_at(max(end, asked.after))
        response["Cache-Control"] = "no-store"
        return response


@dataclass(frozen=True)
class Asked:
    """What a reader wants: which examples, behind which place, and whether they may name reviewers."""

    after: Position
    filters: FeedbackFilter
    names: bool


def asked_for(project: Project, query: QueryDict) -> Asked:
    """What the parameters of a request say. Raises Problem."""
    check_names(query, PARAMETERS)
    wait_seconds(query)
    return Asked(_after(project, query), filters_of(query), names_reviewers(project))


def lines(rows: Sequence[FeedbackExample], *, names: bool) -> bytes:
    """Examples as JSON lines."""
    documents = (json.dumps(line_of(row, names=names), ensure_ascii=False) for row in rows)
    return "".join(f"{document}\n" for document in documents).encode()


async def _lines(project: Project, asked: Asked, end: Position) -> AsyncIterator[bytes]:
    """One line for each example; the database is asked for some hundred at a time and let go in between."""
    after = asked.after
    while rows := await sync_to_async(chunk)(project, after=after, end=end, filters=asked.filters):
        yield lines(rows, names=asked.names)
        after = Position(rows[-1].transaction, rows[-1].pk)


def _after(project: Project, query: QueryDict) -> Position:
    cursor, since = query.get("cursor", ""), query.get("since", "")
    if not cursor and since and _time(since) is None:
        try:
            return position_of(project, since)
        except Problem:
            raise invalid("since", "must be a time such as 2026-01-31T12:00:00Z or a cursor") from None
    return position_of(project, cursor) if cursor else START


def filters_of(query: QueryDict) -> FeedbackFilter:
    """Which examples are asked for. Raises Problem 422 that names the parameter."""
    verdict, outcome = query.get("verdict", ""), query.get("outcome", "")
    include = {name for name in query.get("include", "").split(",") if name}
    if verdict and verdict not in FeedbackExample.Verdict.values:
        raise invalid("verdict", f"must be one of {', '.join(FeedbackExample.Verdict.values)}")
    if outcome and outcome not in (*OUTCOMES, NO_OUTCOME):
        raise invalid("outcome", f"must be one of {', '.join(OUTCOMES)} or {NO_OUTCOME}")
    if include - INCLUDES:
        raise invalid("include", f"must be {' or '.join(sorted(INCLUDES))}")
    until = query.get("until", "")
    if until and _time(until) is None:
        raise invalid("until", "must be a time such as 2026-01-31T12:00:00Z")
    for name in ("action", "agent", "label"):
        if "\x00" in query.get(name, ""):
            raise invalid(name, "must not contain NUL characters")
    return FeedbackFilter(
        action=query.get("action", ""),
        agent=query.get("agent", ""),
        verdict=verdict,
        label=query.get("label", ""),
        outcome=outcome,
        recorded_since=_time(query.get("since", "")),
        recorded_until=_time(until),
        undecided="undecided" in include or verdict in FeedbackExample.UNDECIDED,
        score_revisions="scores" in include,
    )


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
