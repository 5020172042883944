"""GET /api/v1/analytics: the figures of the analytics page, for programs."""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView, check_query
from agents.permissions import Permission, Scope
from agents.selectors import permissions_of
from console.lib import clock
from console.lib.http import Problem, invalid
from metrics.comparison import Interval
from metrics.ranges import ParameterError
from reviews import questions
from reviews.access import sees_every_reviewer
from reviews.definitions import DEFINITIONS
from reviews.models import Dimension
from reviews.queueing import Staffing
from reviews.selectors import analytics, reviewers
from reviews.selectors.analytics import Figures, Summary
from reviews.signs import Signs

PARAMETERS = [
    *(OpenApiParameter(name, str) for name in ("range", "from", "to")),
    OpenApiParameter("by", str, enum=list(questions.DIMENSIONS)),
    OpenApiParameter("target", int),
    OpenApiParameter("share", int),
]


class AnalyticsView(ApiView):
    """How the project's queue is doing."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.TELEMETRY_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    @extend_schema(
        operation_id="analytics_retrieve",
        summary="How the review queue is doing",
        description=(
            "`range` or `from` and `to` (default: the last 7 days), widened to whole hours, or to whole UTC days "
            "beyond 2 days. Times are in seconds, shares 0 to 1 with the ends of their 95 % interval. `by` tells "
            "apart one dimension; figures of single reviewers are for leads, auditors and admins, anybody else "
            "gets their own, and keys none. `staffing`: people needed so that `share` percent wait at most "
            "`target` seconds (Erlang C). `definitions` says what each figure means."
        ),
        parameters=PARAMETERS,
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_query(request, PARAMETERS)
        try:
            asked = questions.read(request.query_params.dict(), tz=UTC, now=clock.now())
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        window = analytics.window(asked.range)
        own = self._own(asked.by)
        whole = analytics.summary(self.project, window)
        lines, more = analytics.lines(self.project, window, Dimension(asked.by), only=own)
        staff = analytics.staffing(whole, target=asked.target, share=asked.share / 100)
        body = _whole(whole) | {
            "from": clock.rfc3339(window.start),
            "to": clock.rfc3339(window.end),
            "by": asked.by,
            "lines": [{"value": line.value, "name": line.label, **_figures(line.figures)} for line in lines],
            "more": more,
            "staffing": {name: _staffing(one) for name, one in staff.items()},
            "definitions": {name: str(text) for name, text in DEFINITIONS.items()},
        }
        if asked.by == Dimension.REVIEWER:
            found = reviewers.signs(self.project, window, lines)
            body["signs"] = [{"value": line.value, "name": line.label, **_signs(sign)} for line, sign in found]
        return Response(body)

    def _own(self, by: str) -> str:
        """The reviewer whose figures alone the caller may see; empty when that is no question."""
        if by != Dimension.REVIEWER:
            return ""
        user = self.caller.user
        if user is None:
            raise Problem(403, "Figures of reviewers are for people: an agent's key cannot read them.")
        return "" if sees_every_reviewer(permissions_of(user.pk, self.project.pk)) else str(user.pk)


def _whole(whole: Summary) -> dict[str, Any]:
    return {
        **_figures(whole.figures),
        "waiting": whole.waiting,
        "busiest_hour": whole.busiest,
        "uncounted": whole.uncounted,
        "little": {
            "length": whole.little.length,
            "arrivals_per_second": whole.little.rate,
            "stay_seconds": whole.little.stay,
            "product": whole.little.product,
        },
        "time_to_clear_seconds": whole.clear,
        "time_to_clear_without_arrivals_seconds": whole.clear_alone,
    }


def _figures(one: Figures) -> dict[str, Any]:
    return {
        "arrivals": one.arrivals,
        "closings": one.closings,
        "decided": one.decided,
        "expired": one.expired,
        "cancelled": one.cancelled,
        "wait_seconds": {"p50": one.wait_p50, "p95": one.wait_p95},
        "sla": _interval(one.sla),
        "approval_rate": _interval(one.approval),
        "edit_rate": _interval(one.edits),
        "override_rate": _interval(one.overrides),
        "decision_seconds": one.handling,
    }


def _interval(at: Interval) -> dict[str, float | None]:
    return {"value": at.value, "low": at.low, "high": at.high}


def _staffing(one: Staffing | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"people": one.people, "within": one.within, "wait_seconds": one.wait, "busy": one.busy}


def _signs(one: Signs) -> dict[str, Any]:
    seen = {"hasty": one.is_hasty, "times": one.is_even, "streak": one.is_streak}
    return {
        "median_seconds": {"short": one.time_short, "long": one.time_long},
        "approvals_in_a_row": one.streak,
        "signs": [name for name, is_sign in seen.items() if is_sign],
    }
