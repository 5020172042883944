"""/api/v1/score-configs: what scores of a name must look like."""

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
from console.lib.http import encode_cursor, invalid, next_link, page_size
from metrics import access, wire
from metrics.api.scores import before_in
from metrics.models import ScoreConfig
from metrics.score_rules import Spec, spec_of
from metrics.scoring import Refused
from metrics.selectors import score_configs as selector
from metrics.services import score_configs

FIELDS = ("name", "data_type", "min_value", "max_value", "categories", "description")
EXAMPLE = OpenApiExample(
    "How helpful an answer was",
    value={
        "name": "helpfulness",
        "data_type": "categorical",
        "categories": [{"label": "poor", "value": 0}, {"label": "fair", "value": 0.5}, {"label": "good", "value": 1}],
        "description": "Did the answer solve what the customer asked for?",
    },
    request_only=True,
)

PARAMETERS = [OpenApiParameter(name, str) for name in ("archived", "limit", "cursor")]


class ScoreConfigsView(ApiView):
    """Score configs of the project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "POST": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "POST": Permission.POLICY_EDIT}

    @extend_schema(
        operation_id="score_configs_list",
        summary="List score configs, newest first",
        description="`archived=1` lists those too that bind nobody any more.",
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        limit = page_size(request.query_params.get("limit"))
        rows = selector.page(
            self.project.pk,
            archived=request.query_params.get("archived", "") in {"1", "true"},
            before=before_in(request.query_params.get("cursor")),
            limit=limit + 1,
        )
        cursor = encode_cursor([rows[limit - 1].pk]) if len(rows) > limit else None
        results = [wire.score_config(row) for row in rows[:limit]]
        return Response({"results": results, "next": next_link(request, cursor)})

    @extend_schema(
        operation_id="score_configs_create",
        summary="Agree on a form of scores",
        description="From now on scores of this name must fit it, whoever gives them.",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        try:
            spec = spec_of(_members(request.data, FIELDS))
            config = score_configs.create(project=self.project, spec=spec, by=self.caller, now=clock.now())
        except Refused as refusal:
            raise invalid(refusal.field, refusal.message) from refusal
        return Response(wire.score_config(config), status=201)


class ScoreConfigView(ApiView):
    """One score config."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ, "PATCH": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.TELEMETRY_VIEW, "PATCH": Permission.POLICY_EDIT}
    config: ScoreConfig

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.config = access.api_score_config(
            caller, kwargs["config_id"], scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        return self.config.project

    @extend_schema(operation_id="score_configs_retrieve", summary="A score config", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, config_id: int) -> Response:
        return Response(wire.score_config(self.config))

    @extend_schema(
        operation_id="score_configs_change",
        summary="Change or archive a score config",
        description="What is left out stays. The type never changes, and scores that were given stay as they are.",
        request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
    )
    def patch(self, request: Request, config_id: int) -> Response:
        try:
            config = self._changed(_members(request.data, (*FIELDS, "archived")))
        except Refused as refusal:
            raise invalid(refusal.field, refusal.message) from refusal
        return Response(wire.score_config(config))

    def _changed(self, given: Mapping[str, Any]) -> ScoreConfig:
        config, now = self.config, clock.now()
        archived = given.get("archived", config.archived_at is not None)
        if not isinstance(archived, bool):
            raise Refused("archived", "must be true or false")
        fields = {name: given[name] for name in FIELDS if name in given}
        spec: Spec = spec_of(wire.score_config(config) | fields)
        return score_configs.change(config=config, spec=spec, archived=archived, by=self.caller, now=now)


def _members(given: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    """The members of a body. Raises Refused for a body that is no object and for members that nobody knows."""
    if not isinstance(given, Mapping):
        raise Refused("body", "must be an object")
    for name in given:
        if name not in names:
            raise Refused(str(name)[:80], "is not a field of a score config")
    return given
