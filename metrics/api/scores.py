"""/api/v1/scores: judgements of traces and spans; and Langfuse's ingestion, as far as it is about scores."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, decode_cursor, encode_cursor, invalid, next_link, page_size
from metrics import access, scoring, wire
from metrics.ingest.langfuse import scores_of
from metrics.models import Score
from metrics.models.score import Source
from metrics.scoring import Draft, Refused
from metrics.selectors import scores as selector
from metrics.services import scores

MOST = 500
BODY_BYTES = 4 * 1024 * 1024
# What a key may say that its scores are; those of people are always theirs.
SOURCES = {"sdk": Source.SDK, "evaluation": Source.EVALUATION}

EXAMPLE = OpenApiExample(
    "What a user thought of an answer",
    value={
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "name": "user-feedback",
        "value": 1,
        "comment": "Solved it.",
        "external_id": "feedback-17",
    },
    request_only=True,
)


class ScoresView(ApiView):
    """Scores of the project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "POST": Permission.SCORE_CREATE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="scores_list",
        summary="List scores, newest first",
        parameters=[OpenApiParameter(name, str) for name in ("trace_id", "limit", "cursor")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        try:
            trace_id = scoring.hex_id(request.query_params, "trace_id", access.TRACE_ID_BYTES)
        except Refused as refusal:
            raise invalid(refusal.field, refusal.message) from refusal
        page = selector.page(
            self.project.pk,
            trace_id=trace_id,
            before=_before(request.query_params.get("cursor")),
            limit=page_size(request.query_params.get("limit")),
        )
        cursor = encode_cursor([page.after]) if page.after else None
        return Response({"results": [wire.score(row) for row in page.scores], "next": next_link(request, cursor)})

    @extend_schema(
        operation_id="scores_create",
        summary="Score a trace or a span",
        description="One object, or a list of at most 500. A known `external_id` corrects the earlier score.",
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


class LangfuseIngestionView(ApiView):
    """`POST /api/public/ingestion`: what Langfuse's SDKs send besides spans. Only scores are kept."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.SCORE_CREATE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="langfuse_ingestion",
        summary="Scores as Langfuse's SDKs send them",
        request=OpenApiTypes.OBJECT,
        responses={207: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        batch = request.data.get("batch") if isinstance(request.data, Mapping) else None
        if not isinstance(batch, list) or len(batch) > MOST:
            raise Problem(400, f"batch: a list of at most {MOST} events is needed.")
        accepted, errors = scores_of(batch)
        successes = []
        for event_id, draft in accepted:
            try:
                scores.record(project=self.project, drafts=[draft], source=Source.SDK, by=self.caller, now=clock.now())
            except scores.NotYours:
                errors.append({"id": event_id, "status": 409, "message": "body.id: somebody else gave this score"})
            else:
                successes.append({"id": event_id, "status": 201})
        return Response({"successes": successes, "errors": errors}, status=207)


def _drafts(documents: list[Any], *, several: bool) -> tuple[list[Draft], Source]:
    """The scores of a request and who judged. Raises Problem 422 naming every field that is wrong."""
    drafts: list[Draft] = []
    sources: set[Source] = set()
    errors: dict[str, list[str]] = {}
    for index, document in enumerate(documents):
        try:
            drafts.append(scoring.draft_of(document))
            sources.add(_source(document))
        except Refused as refusal:
            path = f"[{index}].{refusal.field}" if several else refusal.field
            errors[path] = [refusal.message]
    if len(sources) > 1:
        errors["source"] = ["must be the same for all scores of a request"]
    if errors:
        summary = "; ".join(f"{path}: {messages[0]}" for path, messages in list(errors.items())[:3])
        raise Problem(422, summary, title="Invalid input", errors=errors)
    return drafts, next(iter(sources), Source.SDK)


def _source(document: Mapping[str, Any]) -> Source:
    value = document.get("source") or "sdk"
    if not isinstance(value, str) or value not in SOURCES:
        raise Refused("source", f"must be one of {', '.join(SOURCES)}")
    return SOURCES[value]


def _before(cursor: str | None) -> int | None:
    if not cursor:
        return None
    (place,) = decode_cursor(cursor, length=1)
    if type(place) is not int or not 0 < place < 2**63:
        raise Problem(400, "cursor: not a cursor of this list", errors={"cursor": ["not a cursor of this list"]})
    return place
