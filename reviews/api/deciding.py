"""/api/v1/approvals/{id}/decisions and its neighbours: what only people do."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.authentication import reauthenticated
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem
from reviews.api.approvals import ApprovalVerb, too_late, validated
from reviews.api.parsers import ExactJsonParser
from reviews.serializers.requests import (
    BulkDecisionSerializer,
    DecisionSerializer,
    MessageSerializer,
    WithdrawSerializer,
    ruling_of,
)
from reviews.services import bulk, decisions, information
from reviews.services.transitions import AlreadyDecided
from reviews.wire import Standing

DECIDERS: dict[str, Permission] = {"POST": Permission.APPROVAL_DECIDE}


class DecisionsView(ApprovalVerb):
    """Where people decide."""

    permissions: ClassVar[dict[str, Permission]] = DECIDERS

    @extend_schema(operation_id="approvals_decide", request=DecisionSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Decides on a request, of a batch on the action numbered `item`; 409 names whoever was first."""
        ruling = ruling_of(validated(DecisionSerializer, request))
        by = self.caller
        if self.approval.review_plan.asks_proof:
            by = reauthenticated(by, request._request)
        try:
            result = decisions.decide(approval=self.approval, by=by, ruling=ruling, now=clock.now())
        except REFUSALS as error:
            raise refusal(error) from None
        answer = self.answer(result if isinstance(result, AlreadyDecided) else None)
        if parts := decisions.unchecked(self.approval, ruling):
            text = _("A part of the schema of these arguments could not be checked: %(parts)s")
            answer.data["notices"].append(text % {"parts": ", ".join(parts)})
        return answer


class BulkDecisionsView(ApiView):
    """Where people decide on what is alike and harmless."""

    permissions: ClassVar[dict[str, Permission]] = DECIDERS
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="approvals_decide_many", request=BulkDecisionSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request) -> Response:
        """One verdict on up to a hundred requests for the same action at low risk; each has a result of its own."""
        values = validated(BulkDecisionSerializer, request)
        try:
            results = bulk.decide_many(
                project=self.project, ids=values["ids"], by=self.caller, ruling=ruling_of(values), now=clock.now()
            )
        except decisions.InvalidDecision as error:
            raise refusal(error) from None
        votes = bulk.waiting_for_others(results)
        return Response({"results": [{"id": str(key), **_result(result, votes.get(key))} for key, result in results]})


class WithdrawView(ApprovalVerb):
    """Where people think again."""

    permissions: ClassVar[dict[str, Permission]] = DECIDERS

    @extend_schema(operation_id="approvals_withdraw", request=WithdrawSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Takes back what one has decided oneself; 409 when the agent has been told, or there is nothing."""
        item = validated(WithdrawSerializer, request).get("item")
        if not decisions.withdraw(approval=self.approval, by=self.caller, item=item, now=clock.now()):
            status = {"approval_status": self.approval.status}
            raise Problem(409, "There is nothing of yours to take back here any more.", extra=status)
        return self.answer(None)


class RequestInfoView(ApprovalVerb):
    """Where people ask the agent."""

    permissions: ClassVar[dict[str, Permission]] = DECIDERS

    @extend_schema(operation_id="approvals_request_info", request=MessageSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Asks whoever made the request for more; their next message is the answer."""
        text = validated(MessageSerializer, request)["text"]
        return self.answer(information.request_info(approval=self.approval, by=self.caller, text=text, now=clock.now()))


REFUSALS = (decisions.InvalidDecision, decisions.OwnRequest, decisions.ReauthenticationNeeded)


def refusal(error: Exception) -> Problem:
    """The problem that says why a ruling was not taken."""
    if isinstance(error, decisions.InvalidDecision):
        return Problem(422, str(error), title="Invalid input", errors=error.errors)
    needed = isinstance(error, decisions.ReauthenticationNeeded)
    return Problem(403, str(error), extra={"reauthentication_needed": True} if needed else {})


def _result(result: bulk.Result, vote: Standing | None) -> dict[str, Any]:
    """What became of one of many requests; why it was refused is told as a problem, as it would be alone.

    Of a verdict that was taken, but that others have to agree with, `approvals` says how many do so far.
    """
    if isinstance(result, AlreadyDecided):
        return {"decided": False, "problem": too_late(result).document()}
    if isinstance(result, Exception):
        return {"decided": False, "problem": refusal(result).document()}
    told: dict[str, Any] = {"decided": vote is None, "status": result.approval.status}
    return told if vote is None else told | {"approvals": vote.approvals}
