"""/api/v1/approvals: agents ask, people decide."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, invalid, next_link, page_size
from reviews import states
from reviews.access import api_approval
from reviews.api.parsers import ExactJsonParser
from reviews.api.reading import document_of, documents_of, readable_approval, up_to_date, wait_seconds
from reviews.api.refusing import not_allowed
from reviews.models import Approval
from reviews.policy.timing import NotAllowed
from reviews.selectors.queue import api_page
from reviews.serializers.fields import StrictSerializer
from reviews.serializers.requests import (
    CancelSerializer,
    MessageSerializer,
    OutcomeSerializer,
    RequestSerializer,
    draft_of,
)
from reviews.services import information, outcomes, requests
from reviews.services.transitions import AlreadyDecided

Json = dict[str, Any]
FILTERS = ("status", "action", "agent", "session_id", "trace_id")

PARAMETERS = [OpenApiParameter(name, str) for name in (*FILTERS, "cursor", "limit")]


class ApprovalsView(ApiView):
    """Requests of a project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.APPROVALS_REQUEST, "POST": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.APPROVAL_VIEW,
        "POST": Permission.APPROVAL_DECIDE,
    }
    parser_classes = [ExactJsonParser]

    @extend_schema(
        operation_id="approvals_list",
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        """Requests, newest first, a page at a time."""
        check_query(request, PARAMETERS)
        filters = {name: request.query_params[name] for name in FILTERS if request.query_params.get(name)}
        if filters.get("status", "pending") not in list(states.Status):
            raise invalid("status", f"must be one of {', '.join(states.Status)}")
        if any("\x00" in value for value in filters.values()):
            raise invalid("query", "must not contain NUL characters")
        if "trace_id" in filters:
            filters["trace_id"] = filters["trace_id"].lower()
        now = clock.now()
        page, cursor = api_page(
            self.project,
            now=now,
            filters=filters,
            cursor=request.query_params.get("cursor"),
            size=page_size(request.query_params.get("limit")),
        )
        rows = up_to_date(page, now=now)
        for row in rows:
            row.project = self.project
        return Response({"results": documents_of(rows, now=now), "next": next_link(request._request, cursor)})

    @extend_schema(operation_id="approvals_request", request=RequestSerializer, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Asks for approval of an action."""
        return Response(asked(self.project, self.caller, request.data), status=201)


class ApprovalVerb(ApiView):
    """Base of the addresses below one request, whose project is the request's own."""

    parser_classes = [ExactJsonParser]
    approval: Approval

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.approval = api_approval(
            caller, kwargs["approval_id"], scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        return self.approval.project

    def answer(self, lost: AlreadyDecided | None) -> Response:
        """The request as it now is, or the 409 for those who came too late."""
        if lost is not None:
            raise too_late(lost)
        fresh = Approval.objects.with_parts().get(pk=self.approval.pk)
        return Response(document_of(fresh, now=clock.now()))


class AgentVerb(ApprovalVerb):
    """Base of what an agent does with a request once it is made, and a reviewer may do in its place."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}


class ApprovalView(ApprovalVerb):
    """One request. Waits are served by reviews.api.wait, in front of Django; here the answer comes at once."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.APPROVALS_REQUEST}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        self.approval = readable_approval(caller, kwargs["approval_id"], now=clock.now())
        return self.approval.project

    @extend_schema(
        operation_id="approvals_read",
        parameters=[OpenApiParameter("wait", float, description="Seconds to wait for a decision, 0 to 60.")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, approval_id: str) -> Response:
        """One request; with `wait`, as soon as it is decided."""
        wait_seconds(request.query_params)
        return Response(document_of(self.approval, now=clock.now()))


class CancelView(AgentVerb):
    """Where agents take requests back."""

    @extend_schema(operation_id="approvals_cancel", request=CancelSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Takes a waiting request back: the agent's, or one that a person made. 403 for everybody else's."""
        reason = validated(CancelSerializer, request).get("reason", "")
        try:
            lost = requests.cancel_request(approval=self.approval, by=self.caller, reason=reason, now=clock.now())
        except requests.NotTheirs as error:
            raise Problem(403, str(error)) from None
        return self.answer(lost)


class MessagesView(AgentVerb):
    """The conversation about a request."""

    @extend_schema(operation_id="approvals_message", request=MessageSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Adds a message to a waiting request."""
        values = validated(MessageSerializer, request)
        return self.answer(
            information.post_message(approval=self.approval, by=self.caller, text=values["text"], now=clock.now())
        )


class OutcomeView(AgentVerb):
    """Where agents say how it went."""

    @extend_schema(operation_id="approvals_outcome", request=OutcomeSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Records what became of an approved action; it may be recorded again when that changes."""
        told_outcome(self.approval, self.caller, request.data)
        return self.answer(None)


def asked(project: Project, caller: Caller, body: Any) -> Json:
    """Makes the request for approval that a body describes, and gives its document. 422 by field."""
    values = _valid(RequestSerializer, body)
    try:
        approval = requests.create_request(project=project, by=caller, draft=draft_of(values), now=clock.now())
    except NotAllowed as error:
        raise not_allowed(error) from None
    return document_of(approval, now=clock.now())


def told_outcome(approval: Approval, caller: Caller, body: Any) -> None:
    """Records the outcome that a body describes. 422 by field; 409 where nothing was approved."""
    values = _valid(OutcomeSerializer, body)
    detail = values.get("detail", {})
    try:
        outcomes.record_outcome(approval=approval, by=caller, status=values["status"], detail=detail, now=clock.now())
    except outcomes.NotGranted as error:
        raise Problem(409, str(error), extra={"approval_status": error.status}) from None


def validated(serializer: type[StrictSerializer], request: Request) -> Json:
    """The body's valid values; a body that is left out counts as an empty object. 422 by field otherwise."""
    return _valid(serializer, request.data)


def _valid(serializer: type[StrictSerializer], body: Any) -> Json:
    checked = serializer(data=body)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def too_late(lost: AlreadyDecided) -> Problem:
    """The 409 that says who or what was first."""
    extra = {"approval_status": lost.status.value, "decided_by": lost.decided_by, "verdict": lost.verdict}
    title = "Already decided" if lost.status in states.WAITING else "Already closed"
    return Problem(409, lost.sentence, title=title, extra=extra)
