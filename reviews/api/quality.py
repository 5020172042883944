"""GET /api/v1/quality: the figures of the page of quality, for programs."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.permissions import Permission, Scope
from agents.selectors import permissions_of
from console.lib import clock
from console.lib.http import invalid
from reviews.access import sees_every_reviewer
from reviews.models import RatedItem
from reviews.quality_words import DEFINITIONS
from reviews.selectors.quality import report
from reviews.serializers.quality import named, represent

PARAMETERS = [OpenApiParameter("source", str, enum=list(RatedItem.Source.values))]


class QualityView(ApiView):
    """How far the project's labels can be relied on."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_VIEW}

    @extend_schema(
        operation_id="quality_retrieve",
        summary="How far reviewers agree, know the answers of seeds, and stay the same",
        description=(
            "The last 12 weeks, from a Monday (UTC). Agreement is of what was written down when people judged, at most "
            "the latest 5,000 actions (`capped` says when there were more): `source=blind` are second looks without "
            "the verdict, `votes` where several had to agree. A coefficient without a value says `why`: `nothing` was "
            "judged by two people, or `one_category` was ever given. Intervals are at 95 %; those of `moved` are wider "
            "by the number of comparisons. Figures of single reviewers are for leads, auditors and admins; anybody "
            "else gets their own without the seeds, and keys none. `definitions` says what each figure means."
        ),
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        source = request.query_params.get("source", RatedItem.Source.BLIND.value)
        if source not in RatedItem.Source.values:
            raise invalid("source", "one of: " + ", ".join(RatedItem.Source.values))
        user = self.caller.user
        every = user is not None and sees_every_reviewer(permissions_of(user.pk, self.project.pk))
        own = None if every or user is None else user.pk
        told = report(self.project, now=clock.now(), source=source, only=own)
        names = named(self.project, told.people)
        body = represent(told, names, people=user is not None, seeds=every)
        return Response(body | {"definitions": {name: str(text) for name, text in DEFINITIONS.items()}})
