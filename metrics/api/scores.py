"""/api/v1/scores: judgements of traces, spans and sessions."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, decode_cursor, encode_cursor, invalid, next_link, page_size
from metrics import access, scoring, wire
from metrics.models import Score
from metrics.models.score import Source
from metrics.score_filter import ScoreFilter
from metrics.scoring import Draft, Refused
from metrics.selectors import scores as selector
from metrics.services import scores
from metrics.services.score_configs import Misfits

MOST = 500
BODY_BYTES = 4 * 1024 * 1024
# What a key may say that its scores are; those of people are always theirs.
SOURCES = {
    "sdk": Source.SDK,
    "evaluation": Source.EVALUATION,
    "evaluator": Source.EVALUATION,
    "end_user": Source.END_USER,
}

EXAMPLE = OpenApiExample(
    "What a user thought of an answer",
    value={
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "name": "user-feedback",
        "value": 1,
        "comment": "Solved it.",
        "source": "end_user",
        "id": "feedback-17",
    },
    request_only=True,
)

PARAMETERS = [OpenApiParameter(name, str) for name in ("trace_id", "session_id", "name", "limit", "cursor")]


class ScoresView(ApiView):
    """Scores of the project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "POST": Permission.SCORE_CREATE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="scores_list",
        summary="List scores, newest first",
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        try:
            trace_id = scoring.hex_id(request.query_params, "trace_id", access.TRACE_ID_BYTES)
            session_id = scoring.words(request.query_params, "session_id", scoring.SESSION_ID_CHARS)
            name = scoring.words(request.query_params, "name", scoring.NAME_CHARS)
        except Refused as refusal:
            raise invalid(refusal.field, refusal.message) from refusal
        page = selector.page(
            self.project.pk,
            ScoreFilter(trace_id=trace_id, session_id=session_id, names=(name,) if name else ()),
            before=before_in(request.query_params.get("cursor")),
            limit=page_size(request.query_params.get("limit")),
        )
        cursor = encode_cursor([page.after]) if page.after else None
        return Response({"results": [wire.score(row) for row in page.scores], "next": next_link(request, cursor)})

    @extend_schema(
        operation_id="scores_create",
        summary="Score a trace, a span or a session",
        description=(
            "One object, or a list of at most 500, of which all are stored or none. `id` (or `external_id`) is the "
            "sender's own: sent again, it corrects the earlier score. A score whose name has a config must fit it."
        ),
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        given: Any = request.data
        several = isinstance(given, list)
        documents: list[Any] = given if several else [given]
        if len(documents) > MOST:
            raise invalid("scores", f"at most {MOST} in one request")
        drafts, source = _drafts(documents, several=several)
        try:
            saved = scores.record(project=self.project, drafts=drafts, source=source, by=self.caller, now=clock.now())
        except scores.NotYours as error:
            raise Problem(409, "external_id: somebody else gave the score with this id.") from error
        except Misfits as misfits:
            raise _refused(misfits.refusals, several=several) from misfits
        results = [wire.score(row) for row in saved]
        return Response({"results": results} if several else results[0], status=201)


class ScoreView(ApiView):
    """One score."""

    scopes: ClassVar[dict[str, Scope]] = {"DELETE": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"DELETE": Permission.SCORE_CREATE}
    score: Score

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.score = access.api_score(
            caller, kwargs["score_id"], scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        return self.score.project

    @extend_schema(operation_id="scores_delete", summary="Take back one's own score", responses={204: None})
    def delete(self, request: Request, score_id: int) -> Response:
        try:
            scores.remove(score=self.score, by=self.caller, now=clock.now())
        except scores.NotYours as error:
            raise Problem(403, "Somebody else gave this score.") from error
        return Response(status=204)


def _drafts(documents: list[Any], *, several: bool) -> tuple[list[Draft], Source]:
    """The scores of a request and who judged. Raises Problem 422 naming every field that is wrong."""
    drafts: list[Draft] = []
    sources: set[Source] = set()
    refusals: dict[int, Refused] = {}
    for index, document in enumerate(documents):
        try:
            drafts.append(scoring.draft_of(document))
            sources.add(_source(document))
        except Refused as refusal:
            refusals[index] = refusal
    if refusals:
        raise _refused(refusals, several=several)
    if len(sources) > 1:
        raise invalid("source", "must be the same for all scores of a request")
    return drafts, next(iter(sources), Source.SDK)


def _refused(refusals: Mapping[int, Refused], *, several: bool) -> Problem:
    """What is wrong with which of the scores: the place in the list is part of a field's path."""
    errors = {
        f"[{index}].{refusal.field}" if several else refusal.field: [refusal.message]
        for index, refusal in refusals.items()
    }
    summary = "; ".join(f"{path}: {messages[0]}" for path, messages in list(errors.items())[:3])
    return Problem(422, summary, title="Invalid input", errors=errors)


def _source(document: Mapping[str, Any]) -> Source:
    value = document.get("source") or "sdk"
    if not isinstance(value, str) or value not in SOURCES:
        raise Refused("source", f"must be one of {', '.join(SOURCES)}")
    return SOURCES[value]


def before_in(cursor: str | None) -> int | None:
    """The id below which a page of a list by ids begins. Raises Problem 400."""
    if not cursor:
        return None
    (place,) = decode_cursor(cursor, length=1)
    if type(place) is not int or not 0 < place < 2**63:
        raise Problem(400, "cursor: not a cursor of this list", errors={"cursor": ["not a cursor of this list"]})
    return place
