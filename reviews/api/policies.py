"""/api/v1/policies and /api/v1/risk-assessments: what a project's rules are, and what they would do."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, next_link, page_size
from reviews.api.approvals import validated
from reviews.api.parsers import ExactJsonParser
from reviews.api.refusing import not_allowed
from reviews.policy.reading import InvalidPolicy, read_policy
from reviews.policy.timing import NotAllowed
from reviews.selectors.policies import version_of, versions_page
from reviews.serializers.policies import PolicySerializer, represent_assessment, represent_version
from reviews.serializers.requests import RequestSerializer, draft_of
from reviews.services import policies, requests

DOCUMENT = ("rules", "factors", "levels")


class RiskAssessmentsView(ApiView):
    """What would happen to a request."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_VIEW}
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="risk_assessments", request=RequestSerializer, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request) -> Response:
        """Says what the policy would make of a request. Creates nothing."""
        draft = draft_of(validated(RequestSerializer, request))
        try:
            found = requests.foresee(project=self.project, draft=draft, now=clock.now())
        except NotAllowed as error:
            raise not_allowed(error) from None
        return Response(represent_assessment(found.assessment, version=found.version.number, terms=found.terms))


class PoliciesView(ApiView):
    """Versions of the project's policy."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW, "POST": Permission.POLICY_EDIT}
    parser_classes = [ExactJsonParser]

    @extend_schema(
        operation_id="policies_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("limit", str)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Versions, the newest first; the newest is in force."""
        newest = policies.in_force(project=self.project)
        size = page_size(request.query_params.get("limit"))
        rows, cursor = versions_page(self.project, cursor=request.query_params.get("cursor"), size=size)
        results = [represent_version(row, in_force=row.number == newest.number) for row in rows]
        return Response({"results": results, "next": next_link(request._request, cursor)})

    @extend_schema(operation_id="policies_publish", request=PolicySerializer, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Publishes the next version, in force at once; 409 when `base` is not the newest version any more."""
        values = validated(PolicySerializer, request)
        try:
            policy = read_policy({name: values[name] for name in DOCUMENT if name in values})
            version = policies.publish(
                project=self.project,
                by=self.caller,
                policy=policy,
                note=values.get("note", ""),
                base=values.get("base"),
                now=clock.now(),
            )
        except InvalidPolicy as error:
            raise Problem(422, str(error), title="Invalid input", errors=error.errors) from None
        except policies.Outdated:
            raise Problem(409, "Somebody has published another version in the meantime.") from None
        warnings = policies.warnings(project=self.project, policy=policy, now=clock.now())
        return Response(represent_version(version, in_force=True, policy=policy, warnings=warnings), status=201)


class PolicyView(ApiView):
    """One version of the project's policy."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    @extend_schema(operation_id="policies_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, number: int) -> Response:
        """A version with its rules, risk factors and levels."""
        newest = policies.in_force(project=self.project)
        version: Any = version_of(self.project, number)
        if version is None:
            raise Problem(404, "There is no such version of the policy.")
        policy = policies.policy_of(version)
        warnings = policies.warnings(project=self.project, policy=policy, now=clock.now())
        in_force = version.number == newest.number
        return Response(represent_version(version, in_force=in_force, policy=policy, warnings=warnings))
