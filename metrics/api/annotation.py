"""/api/v1/annotation-queues: which there are, and what is in them; programs put traces and spans into them."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project, Team
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, encode_cursor, invalid, next_link, page_size
from metrics import access, scoring, wire
from metrics.annotating import NAME_CHARS, Target
from metrics.api.scores import before_in
from metrics.models import AnnotationQueue
from metrics.models.annotation import ItemState
from metrics.score_rules import DESCRIPTION_CHARS
from metrics.scoring import Refused
from metrics.selectors import annotation as selector
from metrics.selectors import score_configs
from metrics.services import annotation_queues
from metrics.services.annotation_queues import QueueSpec

MOST = 500
REASON_CHARS = 200
FIELDS = frozenset({"trace_id", "span_id", "reason"})
QUEUE_FIELDS = frozenset({"name", "description", "scores", "reviewers", "team"})
QUEUE_EXAMPLE = OpenApiExample(
    "Two people look at each item",
    value={"name": "Complaints", "scores": ["helpfulness"], "reviewers": 2},
    request_only=True,
)
EXAMPLE = OpenApiExample(
    "A trace that somebody complained about",
    value={"trace_id": "0af7651916cd43dd8448eb211c80319c", "reason": "The customer complained"},
    request_only=True,
)

ITEM_PARAMETERS = [OpenApiParameter(name, str) for name in ("state", "limit", "cursor")]


class AnnotationQueuesView(ApiView):
    """Annotation queues of the project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "POST": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "POST": Permission.POLICY_EDIT}

    @extend_schema(
        operation_id="annotation_queues_list",
        summary="List annotation queues and how far they are",
        description="All open ones, by name. Counts go up to 10000.",
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        rows = selector.queues(self.project.pk)
        return Response({"results": [wire.annotation_queue(row) for row in rows], "next": None})

    @extend_schema(
        operation_id="annotation_queues_create",
        summary="Make an annotation queue",
        description="`scores` are the names of score configs, `team` the address of a team (everybody without one).",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[QUEUE_EXAMPLE],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        try:
            spec = _spec(self.project, request.data)
            queue = annotation_queues.create(project=self.project, spec=spec, by=self.caller, now=clock.now())
        except Refused as refusal:
            raise invalid("scores" if refusal.field == "configs" else refusal.field, refusal.message) from refusal
        return Response(wire.annotation_queue(selector.QueueRow(queue, selector.Progress())), status=201)


class AnnotationItemsView(ApiView):
    """What is in an annotation queue."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "POST": Scope.TELEMETRY_WRITE}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "POST": Permission.SCORE_CREATE}
    queue: AnnotationQueue

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.queue = access.api_annotation_queue(
            caller, kwargs["queue_id"], scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        return self.queue.project

    @extend_schema(
        operation_id="annotation_items_list",
        summary="List the items of a queue, newest first",
        parameters=ITEM_PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, queue_id: int) -> Response:
        check_query(request, ITEM_PARAMETERS)
        state = request.query_params.get("state", "")
        if state and state not in ItemState.values:
            raise invalid("state", f"must be one of {', '.join(ItemState.values)}")
        rows, after = selector.items(
            self.queue,
            state=state,
            before=before_in(request.query_params.get("cursor")),
            limit=page_size(request.query_params.get("limit")),
        )
        cursor = encode_cursor([after]) if after else None
        return Response({"results": [wire.annotation_item(row) for row in rows], "next": next_link(request, cursor)})

    @extend_schema(
        operation_id="annotation_items_add",
        summary="Put a trace or a span into a queue",
        description="One object, or a list of at most 500. What is in the queue already is not added again.",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    @idempotent
    def post(self, request: Request, queue_id: int) -> Response:
        given: Any = request.data
        several = isinstance(given, list)
        documents: list[Any] = given if several else [given]
        if len(documents) > MOST:
            raise invalid("items", f"at most {MOST} in one request")
        targets, errors = [], {}
        for index, document in enumerate(documents):
            try:
                targets.append(_target(document))
            except Refused as refusal:
                errors[f"[{index}].{refusal.field}" if several else refusal.field] = [refusal.message]
        if errors:
            summary = "; ".join(f"{path}: {said[0]}" for path, said in list(errors.items())[:3])
            raise Problem(422, summary, title="Invalid input", errors=errors)
        new = annotation_queues.add(queue=self.queue, targets=targets, by=self.caller, now=clock.now())
        return Response({"added": new, "known": len(targets) - new}, status=201)


def _spec(project: Project, given: Any) -> QueueSpec:
    """The queue that a body asks for. Raises Refused."""
    if not isinstance(given, Mapping):
        raise Refused("body", "must be an object")
    for name in given:
        if name not in QUEUE_FIELDS:
            raise Refused(str(name)[:80], "is not a field of a queue")
    names, reviewers = given.get("scores"), given.get("reviewers", 1)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refused("scores", "must be a list of names of score configs")
    known = {config.name: config for config in score_configs.offered(project.pk)}
    if unknown := [name for name in names if name not in known]:
        raise Refused("scores", f"there is no score config {unknown[0][:80]}")
    if type(reviewers) is not int:
        raise Refused("reviewers", "must be a whole number")
    slug = scoring.words(given, "team", 50)
    team = Team.objects.open().filter(project=project, slug=slug).first() if slug else None
    if slug and team is None:
        raise Refused("team", "there is no such team")
    return QueueSpec(
        scoring.required(given, "name", NAME_CHARS),
        [known[name] for name in dict.fromkeys(names)],
        reviewers,
        team,
        scoring.words(given, "description", DESCRIPTION_CHARS),
    )


def _target(document: Any) -> Target:
    if not isinstance(document, Mapping):
        raise Refused("item", "must be an object")
    for name in document:
        if name not in FIELDS:
            raise Refused(str(name)[:80], "is not a field of an item")
    trace_id = scoring.hex_id(document, "trace_id", access.TRACE_ID_BYTES)
    if trace_id is None:
        raise Refused("trace_id", "is required")
    span_id = scoring.hex_id(document, "span_id", access.SPAN_ID_BYTES)
    return Target(trace_id, span_id, scoring.words(document, "reason", REASON_CHARS))
