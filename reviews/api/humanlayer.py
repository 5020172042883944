"""/humanlayer/v1: the HTTP API of HumanLayer, so that an agent that uses its client needs another address and key only.

Its source is the client, humanlayer 0.7 on PyPI (`humanlayer.core.cloud`). Our own API says more: this one knows
neither edits nor expiry nor receipts.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem
from reviews.access import humanlayer_call
from reviews.api.approvals import too_late
from reviews.api.parsers import ExactJsonParser
from reviews.api.reading import up_to_date
from reviews.models import Approval, HumanLayerCall
from reviews.serializers.humanlayer import (
    CallSerializer,
    ContactStatus,
    EscalationSerializer,
    FunctionCallStatus,
    call_draft,
    call_ruling,
    represent_call,
)
from reviews.services import decisions, humanlayer
from reviews.services.transitions import AlreadyDecided

Kind = HumanLayerCall.Kind
NAMED = {"reason": "comment", "message": "response"}
"""What the fields of a verdict are called in this API."""


@extend_schema(exclude=True)
class CallsView(ApiView):
    """Where calls are made."""

    kind: ClassVar[Kind] = Kind.FUNCTION_CALL
    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}
    parser_classes = [ExactJsonParser]

    def post(self, request: Request) -> Response:
        """Asks for approval, or a person for an answer."""
        body = CallSerializer(data=request.data, context={"kind": self.kind})
        body.is_valid(raise_exception=True)
        values = body.validated_data
        try:
            call = humanlayer.make_call(
                project=self.project,
                by=self.caller,
                kind=self.kind,
                draft=call_draft(self.kind, values),
                now=clock.now(),
                **values,
            )
        except humanlayer.CallIdTaken as error:
            raise Problem(409, str(error), errors={"call_id": [str(error)]}) from None
        return Response(read(call), status=201)


class CallVerb(ApiView):
    """Base of the addresses below one call, whose project is the call's own."""

    kind: ClassVar[Kind] = Kind.FUNCTION_CALL
    parser_classes = [ExactJsonParser]
    call: HumanLayerCall

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.call = humanlayer_call(
            caller,
            self.kind,
            kwargs["call_id"],
            scope=self.scopes.get(method),
            permission=self.permissions.get(method),
        )
        return self.call.project

    def answer(self, lost: AlreadyDecided | None) -> Response:
        """The call as it now is, or the 409 for those who came too late."""
        if lost is not None:
            raise too_late(lost)
        return Response(read(self.call))


@extend_schema(exclude=True)
class CallView(CallVerb):
    """One call."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    def get(self, request: Request, call_id: str) -> Response:
        """What has become of a call."""
        return Response(read(self.call))


@extend_schema(exclude=True)
class RespondView(CallVerb):
    """Where a person answers with a client of their own: its key is then a personal token."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}

    def post(self, request: Request, call_id: str) -> Response:
        """Decides on a call."""
        status = {Kind.FUNCTION_CALL: FunctionCallStatus, Kind.CONTACT_REQUEST: ContactStatus}[self.kind]
        body: serializers.Serializer[Any] = status(data=request.data)
        body.is_valid(raise_exception=True)
        ruling = call_ruling(self.call, body.validated_data)
        try:
            result = decisions.decide(approval=self.call.approval, by=self.caller, ruling=ruling, now=clock.now())
        except decisions.InvalidDecision as error:
            theirs = decisions.InvalidDecision({NAMED.get(field, field): said for field, said in error.errors.items()})
            raise Problem(422, str(theirs), title="Invalid input", errors=theirs.errors) from None
        except (decisions.OwnRequest, decisions.ReauthenticationNeeded) as error:
            raise Problem(403, str(error)) from None
        return self.answer(result if isinstance(result, AlreadyDecided) else None)


@extend_schema(exclude=True)
class EscalateView(CallVerb):
    """Where an agent says that it cannot wait."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}

    def post(self, request: Request, call_id: str) -> Response:
        """Tells the people who are asked once more."""
        body = EscalationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        text = body.validated_data["escalation_msg"]
        return self.answer(humanlayer.escalate(call=self.call, by=self.caller, text=text, now=clock.now()))


def read(call: HumanLayerCall) -> dict[str, Any]:
    """The call as it now is. One that is overdue is expired first, so that reads never contradict it."""
    call.approval = up_to_date([Approval.objects.with_parts().get(pk=call.approval_id)], now=clock.now())[0]
    return represent_call(call)
