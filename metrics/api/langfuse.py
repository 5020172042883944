"""The part of Langfuse's public API that is about scores, for its SDKs as they are. Below /api/public/.

They sign in with Basic: anything as the public key, a key of ours as the secret one. Names and shapes are Langfuse's.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, encode_cursor
from metrics import access, langfuse_wire, scoring
from metrics.api.scores import BODY_BYTES, MOST, before_in
from metrics.ingest.langfuse import PREFIX, draft_of, failure, scores_of
from metrics.models import Score
from metrics.models.score import Source
from metrics.score_filter import ScoreFilter
from metrics.scoring import Draft, Refused
from metrics.selectors import scores as selector
from metrics.services import scores

PAGE_ROWS = 50
MOST_ROWS = 100
# Pages are counted and skipped through up to here; whoever wants more has cursors.
MOST_PAGED = 10_000
GROUPS = frozenset({"details", "subject", "annotation"})
FILTERS = ("traceId", "observationId", "sessionId", "name", "id", "scoreIds")
READS: dict[str, Scope] = {"GET": Scope.TELEMETRY_READ}
SEES: dict[str, Permission] = {"GET": Permission.TELEMETRY_VIEW}


class LangfuseIngestionView(ApiView):
    """`POST ingestion`: what Langfuse's SDKs 2 to 4 send besides spans. Only scores are kept."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.SCORE_CREATE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="langfuse_ingestion",
        summary="Scores as Langfuse's SDKs 2 to 4 send them",
        request=OpenApiTypes.OBJECT,
        responses={207: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        batch = request.data.get("batch") if isinstance(request.data, Mapping) else None
        if not isinstance(batch, list) or len(batch) > MOST:
            raise Problem(400, f"batch: a list of at most {MOST} events is needed.")
        accepted, errors = scores_of(batch)
        _saved, refused = _record(self, [draft for _event_id, draft in accepted])
        successes = []
        for place, (event_id, _draft) in enumerate(accepted):
            if (refusal := refused.get(place)) is not None:
                errors.append(failure(event_id, refusal, 409 if refusal.field == scores.NOT_YOURS else 400))
            else:
                successes.append({"id": event_id, "status": 201})
        return Response({"successes": successes, "errors": errors}, status=207)


class LangfuseScorePagesView(ApiView):
    """`GET v2/scores`: newest first, by pages."""

    scopes: ClassVar[dict[str, Scope]] = READS
    permissions: ClassVar[dict[str, Permission]] = SEES

    @extend_schema(
        operation_id="langfuse_scores_list_v2",
        summary="The same list as /api/public/scores",
        parameters=[OpenApiParameter(name, str) for name in ("page", "limit", *FILTERS)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        page, limit = _whole(request, "page", 1, MOST_PAGED), _whole(request, "limit", PAGE_ROWS, MOST_ROWS)
        if page * limit > MOST_PAGED:
            raise Problem(400, f"page: only the newest {MOST_PAGED} have pages; /api/public/v3/scores has cursors.")
        chosen = _filter(request, {"page", "limit"})
        rows, total = selector.numbered(self.project.pk, chosen, page=page, limit=limit, most=MOST_PAGED)
        meta = {"page": page, "limit": limit, "totalItems": total, "totalPages": -(-total // limit)}
        return Response({"data": [langfuse_wire.paged(row) for row in rows], "meta": meta})


class LangfuseScoresView(LangfuseScorePagesView):
    """`POST scores`, and the list under its first address."""

    scopes: ClassVar[dict[str, Scope]] = {**READS, "POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {**SEES, "POST": Permission.SCORE_CREATE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="langfuse_scores_create",
        summary="Scores as Langfuse's SDK 5 sends them",
        description="A list: 202 when all are taken, else 207 and why. One object: 200 and its id.",
        request=OpenApiTypes.OBJECT,
        responses={200: OpenApiTypes.OBJECT, 202: OpenApiTypes.OBJECT, 207: OpenApiTypes.OBJECT},
    )
    def post(self, request: Request) -> Response:
        given: Any = request.data
        if not isinstance(given, list):
            return self._one(given)
        if len(given) > MOST:
            raise Problem(400, f"at most {MOST} scores in one request")
        drafts, errors = [], []
        for place, body in enumerate(given):
            try:
                drafts.append(draft_of(body))
            except Refused as refusal:
                errors.append({"message": f"[{place}].{refusal}"})
        _saved, refused = _record(self, drafts)
        errors += [{"message": f"{drafts[place].name}: {refusal}"} for place, refusal in refused.items()]
        if not errors:
            return Response({"message": "Accepted"}, status=202)
        accepted = len(given) - len(errors)
        return Response({"accepted": accepted, "rejected": len(errors), "errors": errors}, status=207)

    @extend_schema(
        operation_id="langfuse_scores_list",
        summary="Scores in Langfuse's shape, by pages",
        parameters=[OpenApiParameter(name, str) for name in ("page", "limit", *FILTERS)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        return super().get(request)

    def _one(self, given: Any) -> Response:
        try:
            draft = draft_of(given)
        except Refused as refusal:
            raise Problem(400, str(refusal), errors={refusal.field: [refusal.message]}) from refusal
        saved, refused = _record(self, [draft])
        if refused:
            raise Problem(400, str(refused[0]), errors={refused[0].field: [refused[0].message]})
        return Response({"id": langfuse_wire.score_id(saved[0])})


class LangfuseScoresByCursorView(ApiView):
    """`GET v3/scores`: newest first, by cursors."""

    scopes: ClassVar[dict[str, Scope]] = READS
    permissions: ClassVar[dict[str, Permission]] = SEES

    @extend_schema(
        operation_id="langfuse_scores_list_v3",
        summary="Scores in Langfuse's shape, by cursors",
        parameters=[OpenApiParameter(name, str) for name in ("limit", "cursor", "fields", *FILTERS)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        limit = _whole(request, "limit", PAGE_ROWS, MOST_ROWS)
        groups = frozenset(_listed(request, "fields"))
        if groups - GROUPS:
            raise Problem(400, f"fields: only {', '.join(sorted(GROUPS))}")
        chosen = _filter(request, {"limit", "cursor", "fields"})
        before = before_in(request.query_params.get("cursor"))
        page = selector.page(self.project.pk, chosen, before=before, limit=limit)
        meta: dict[str, Any] = {"limit": limit}
        if page.after:
            meta["cursor"] = encode_cursor([page.after])
        return Response({"data": [langfuse_wire.cursored(row, groups) for row in page.scores], "meta": meta})


class LangfuseScoreReadView(ApiView):
    """`GET v2/scores/{id}`: the id that the sender gave, or our own number."""

    scopes: ClassVar[dict[str, Scope]] = READS
    permissions: ClassVar[dict[str, Permission]] = SEES

    @extend_schema(
        operation_id="langfuse_scores_retrieve_v2", summary="A score by its id", responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, score_id: str) -> Response:
        return Response(langfuse_wire.paged(access.langfuse_score(self.project, score_id)))


class LangfuseScoreView(LangfuseScoreReadView):
    """`GET` and `DELETE scores/{id}`."""

    scopes: ClassVar[dict[str, Scope]] = {**READS, "DELETE": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {**SEES, "DELETE": Permission.SCORE_CREATE}

    @extend_schema(
        operation_id="langfuse_scores_retrieve", summary="A score in Langfuse's shape", responses=OpenApiTypes.OBJECT
    )
    def get(self, request: Request, score_id: str) -> Response:
        return super().get(request, score_id)

    @extend_schema(operation_id="langfuse_scores_delete", summary="Take a score back", responses={204: None})
    def delete(self, request: Request, score_id: str) -> Response:
        score = access.langfuse_score(self.project, score_id)
        try:
            scores.remove(score=score, by=self.caller, now=clock.now())
        except scores.NotYours as error:
            raise Problem(403, "Somebody else gave this score.") from error
        return Response(status=204)


class LangfuseProjectsView(ApiView):
    """`GET projects`: how its SDKs ask whether their keys are good."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = SEES

    @extend_schema(operation_id="langfuse_projects", summary="The project of the key", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        project: Project = self.project
        owner = {"id": str(project.pk), "name": project.name}
        told = {"id": str(project.pk), "name": project.name, "metadata": {}, "organization": owner}
        return Response({"data": [told]})


def _record(view: ApiView, drafts: list[Draft]) -> tuple[list[Score], dict[int, Refused]]:
    caller: Caller = view.caller
    return scores.record_what_fits(project=view.project, drafts=drafts, source=Source.SDK, by=caller, now=clock.now())


def _filter(request: Request, others: set[str]) -> ScoreFilter:
    """What the list is narrowed to. Raises Problem 400, also for filters that there are none of: never too much."""
    given = request.query_params
    for name in given:
        if name not in {*FILTERS, *others, "project"}:
            raise Problem(400, f"{name}: there is no such filter here; there are {', '.join(FILTERS)}.")
    try:
        trace_id = scoring.hex_id(given, "traceId", access.TRACE_ID_BYTES)
        span_id = scoring.hex_id(given, "observationId", access.SPAN_ID_BYTES)
        session_id = scoring.words(given, "sessionId", scoring.SESSION_ID_CHARS)
    except Refused as refusal:
        raise Problem(400, str(refusal), errors={refusal.field: [refusal.message]}) from refusal
    if span_id and not trace_id:
        raise Problem(400, "observationId: needs traceId")
    ids = (*_listed(request, "id"), *_listed(request, "scoreIds"))
    return ScoreFilter(
        trace_id=trace_id,
        span_id=span_id,
        session_id=session_id,
        names=_listed(request, "name"),
        external_ids=tuple(f"{PREFIX}{one}" for one in ids),
    )


def _listed(request: Request, name: str) -> tuple[str, ...]:
    given = request.query_params.get(name, "").replace("\x00", "")
    return tuple(one.strip() for one in given.split(",")[:MOST_ROWS] if one.strip())


def _whole(request: Request, name: str, default: int, most: int) -> int:
    raw = request.query_params.get(name, "")
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10 and 1 <= int(raw) <= most):
        raise Problem(400, f"{name}: a number from 1 to {most}")
    return int(raw)
