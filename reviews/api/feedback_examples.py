"""/api/v1/feedback/{id} and /api/v1/feedback/labels: one example with its revisions, and how a project labels."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem
from reviews.access import api_approval
from reviews.api.approvals import validated
from reviews.models import Approval
from reviews.selectors.feedback import Taxonomy, names_reviewers, revisions, taxonomy
from reviews.serializers.feedback import CorrectionSerializer, TaxonomySerializer, line_of
from reviews.services.feedback_corrections import InvalidCorrection, NotToCorrect, Undecided, correct
from reviews.services.feedback_labels import InvalidLabels, LabelDraft, save_taxonomy

INDEX_DIGITS = 4


class ExampleVerb(ApiView):
    """Base of the addresses of one example: `<request's id>:<number of the action>`. Its project is the request's."""

    approval: Approval
    index: int

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        key, _, number = kwargs["example_id"].partition(":")
        method = request.method or ""
        self.approval = api_approval(
            caller, key, scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        if not (number.isascii() and number.isdigit() and len(number) <= INDEX_DIGITS):
            raise _no_example()
        self.index = int(number)
        return self.approval.project


class ExampleView(ExampleVerb):
    """One example."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_VIEW}

    @extend_schema(operation_id="feedback_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, example_id: str) -> Response:
        """An example in its newest revision, with all of them in `revisions`, the newest first."""
        known = revisions(self.approval, self.index)
        if not known:
            raise _no_example()
        names = names_reviewers(self.project)
        lines = [line_of(row, names=names) for row in reversed(known)]
        return Response({**lines[0], "revisions": lines})


class CorrectionsView(ExampleVerb):
    """Where labels and reasons are corrected."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.APPROVAL_DECIDE}

    @extend_schema(operation_id="feedback_correct", request=CorrectionSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, example_id: str) -> Response:
        """Adds a revision with other labels or another reason; whoever decided may, and leads."""
        values = validated(CorrectionSerializer, request)
        try:
            correct(
                approval=self.approval,
                item=self.index,
                by=self.caller,
                labels=values.get("labels"),
                reason=values.get("reason"),
                now=clock.now(),
            )
        except Undecided:
            raise Problem(409, "Nobody has decided on this, so there is nothing to correct.") from None
        except NotToCorrect as error:
            raise Problem(403, str(error)) from None
        except InvalidCorrection as error:
            raise Problem(422, str(error), title="Invalid input", errors=error.errors) from None
        newest = revisions(self.approval, self.index)[-1]
        return Response(line_of(newest, names=names_reviewers(self.project)))


class LabelsView(ApiView):
    """The project's labels."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.FEEDBACK_VIEW,
        "PUT": Permission.POLICY_EDIT,
    }

    @extend_schema(operation_id="feedback_labels", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The labels that reviewers are offered, in order; `closed` says whether they may give no others."""
        return Response(_represented(taxonomy(self.project)))

    @extend_schema(operation_id="feedback_save_labels", request=TaxonomySerializer, responses=OpenApiTypes.OBJECT)
    def put(self, request: Request) -> Response:
        """Makes these the project's labels. One that is left out is retired: examples that have it keep it."""
        values = validated(TaxonomySerializer, request)
        now = taxonomy(self.project)
        try:
            saved = save_taxonomy(
                project=self.project,
                labels=[LabelDraft(one["name"], one.get("description", "")) for one in values["labels"]],
                closed=values.get("closed", now.closed),
                reviewer_names=now.reviewer_names,
                by=self.caller,
                now=clock.now(),
            )
        except InvalidLabels as error:
            raise Problem(422, str(error), title="Invalid input", errors={"labels": [str(error)]}) from None
        return Response(_represented(saved))


def _represented(found: Taxonomy) -> dict[str, Any]:
    labels = [{"name": label.name, "description": label.description} for label in found.labels]
    return {"labels": labels, "closed": found.closed, "reviewer_names": found.reviewer_names}


def _no_example() -> Problem:
    return Problem(404, "There is no such example, or it is not yours to see.")
