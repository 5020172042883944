"""/api/v1/approvals/{id}/claim, release and assign: who looks at a request."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.idempotency import idempotent
from agents.permissions import Permission
from agents.rosters import roster_of
from console.lib import clock
from console.lib.clock import rfc3339
from console.lib.http import Problem, invalid
from reviews.api.approvals import ApprovalVerb, validated
from reviews.serializers.people import AssignSerializer, ClaimSerializer
from reviews.services import assignment, claims
from reviews.services.transitions import AlreadyDecided


class ClaimView(ApprovalVerb):
    """Where people say that they are looking at a request."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}

    @extend_schema(operation_id="approvals_claim", request=ClaimSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Takes a request for five minutes, or renews that; 409 names whoever holds it unless `take_over` is true."""
        take_over = validated(ClaimSerializer, request).get("take_over", False)
        try:
            result = claims.claim(approval=self.approval, by=self.caller, take_over=take_over, now=clock.now())
        except claims.CannotClaim as error:
            raise Problem(403, str(error)) from None
        if isinstance(result, claims.HeldBy):
            extra = {"claimed_by": result.name, "claimed_until": rfc3339(result.until)}
            raise Problem(409, result.sentence, title="Claimed by somebody else", extra=extra)
        return self.answer(result if isinstance(result, AlreadyDecided) else None)


class ReleaseView(ApprovalVerb):
    """Where people let go of a request."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}

    @extend_schema(operation_id="approvals_release", request=None, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Gives one's own claim up; nothing happens where there is none."""
        claims.release(approval=self.approval, by=self.caller, now=clock.now())
        return self.answer(None)


class AssignView(ApprovalVerb):
    """Where leads say who is to look at a request."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_ASSIGN}

    @extend_schema(operation_id="approvals_assign", request=AssignSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Gives a waiting request to a person, a team, or both; whoever stands in for a person who is away gets it."""
        values = validated(AssignSerializer, request)
        now = clock.now()
        roster = roster_of(self.project.pk, now=now)
        user = roster.person(values["user"]) if values.get("user") else None
        if values.get("user") and user is None:
            raise invalid("user", "is not the e-mail address of somebody who may decide in this project")
        team = roster.team(values["team"]) if values.get("team") else None
        if values.get("team") and team is None:
            raise invalid("team", "is not a team of this project")
        try:
            result = assignment.assign(approval=self.approval, by=self.caller, user=user, team=team, now=now)
        except assignment.InvalidAssignee as error:
            raise Problem(422, str(error), title="Invalid input", errors=error.errors) from None
        return self.answer(result if isinstance(result, AlreadyDecided) else None)
