"""/api/v1/patterns: rules that past decisions suggest. Nothing changes by itself, and nothing is published here."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem
from reviews.models import Pattern
from reviews.selectors.patterns import being_tried, pattern_of, proposed
from reviews.serializers.patterns import represent_pattern
from reviews.services import patterns, policies


class PatternsView(ApiView):
    """Suggested rules of a project."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    @extend_schema(operation_id="patterns_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Suggestions that nobody has answered, each tried on the past, the newest first: at most 50.

        `being_tried` says how many more there will be."""
        rows = [represent_pattern(row) for row in proposed(self.project)]
        return Response({"results": rows, "being_tried": being_tried(self.project)})


def _found(project: Project, key: UUID) -> Pattern:
    row = pattern_of(project, key)
    if row is None:
        raise Problem(404, "There is no such suggestion.")
    return row


class PatternAcceptView(ApiView):
    """Taking a suggestion."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.POLICY_EDIT}

    @extend_schema(operation_id="patterns_accept", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pattern_id: UUID) -> Response:
        """Puts the rule into the project's draft, which changes nothing until somebody publishes it. 409 when it was
        answered before, the draft was changed at the same moment, or is full."""
        row = _found(self.project, pattern_id)
        try:
            taken = patterns.take(pattern=row, by=self.caller, now=clock.now())
        except policies.Outdated:
            raise Problem(409, "Somebody has changed the draft in this moment: try again.") from None
        except patterns.Full:
            raise Problem(409, "The draft has as many rules as a policy can have.") from None
        return _answered(row, taken)


class PatternDismissView(ApiView):
    """Putting a suggestion away."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.POLICY_EDIT}

    @extend_schema(operation_id="patterns_dismiss", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, pattern_id: UUID) -> Response:
        """Puts a suggestion away for good; 409 when it was answered before."""
        row = _found(self.project, pattern_id)
        return _answered(row, patterns.dismiss(pattern=row, by=self.caller, now=clock.now()))


def _answered(row: Pattern, changed: bool) -> Response:
    row.refresh_from_db(fields=["status"])
    if not changed:
        raise Problem(409, f"This suggestion is {row.status} already.")
    return Response(represent_pattern(row))
