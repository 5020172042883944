"""GET /api/v1/agents/{agent}/evaluation: how good an agent's versions are, for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import check_query
from console.lib import clock
from console.lib.http import Problem
from metrics.api.agents import PARAMETERS, window_of
from metrics.api.query import QueryView
from metrics.evaluation import Finding
from metrics.models import Evaluation
from metrics.selectors.evaluation import history
from reviews import evaluation_words as words
from reviews.selectors.evaluation import AgentEvaluation, VersionEvaluation, of_agent

DEFAULT_RANGE = timedelta(days=7)
HISTORY_DAYS = 90


class EvaluationView(QueryView):
    """An agent's evaluation by version."""

    @extend_schema(
        operation_id="agents_evaluation",
        summary="How good an agent's versions are",
        description=(
            "Between `from` and `to` (default: the last 7 days) each dimension of each version with its 95 % interval, "
            "its target and whether that is met; `sure` when the whole interval lies on that side. `goodness` is 0 to "
            "1; `overall` is 100 times its weighted mean over the dimensions that have data (`covered`: their part of "
            "the weights). A dimension without data has nulls and takes no part. `history` has what was written down "
            "by day in the last 90 days, each day about the 7 days up to its end."
        ),
        parameters=[OpenApiParameter("name", str, OpenApiParameter.PATH), *PARAMETERS],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, name: str) -> Response:
        check_query(request, PARAMETERS)
        now = clock.now()
        window = window_of(request.query_params, now, DEFAULT_RANGE)
        known = of_agent(self.project, name, window)
        written = history(self.project, name, (now - timedelta(days=HISTORY_DAYS)).date())
        if known is None and not written:
            raise Problem(404, "No agent of this name has done or asked for anything in this project.")
        body: dict[str, Any] = {
            "agent": name,
            "from": clock.rfc3339(window.start),
            "to": clock.rfc3339(window.end),
            "versions": [_version(one, known) for one in known.versions] if known else [],
            "traces_read": known.traces if known else 0,
            "approvals_read": known.asked if known else 0,
            "newest_only": bool(known and known.capped),
            "history": [_day(row) for rows in written.values() for row in rows],
        }
        return Response(body)


def _version(one: VersionEvaluation, known: AgentEvaluation) -> dict[str, Any]:
    return {
        "version": one.version or None,
        "requests": one.requests,
        "overall": one.evaluation.overall,
        "covered": one.evaluation.covered,
        "dimensions": [_dimension(found) for found in one.evaluation.findings],
        "recommendations": words.recommendations(one.evaluation, known.row),
    }


def _dimension(one: Finding) -> dict[str, Any]:
    return {
        "dimension": str(one.dimension),
        "value": one.at.value,
        "low": one.at.low,
        "high": one.at.high,
        "count": one.count,
        "target": one.target,
        "met": one.met,
        "sure": one.sure,
        "goodness": one.goodness,
        "weight": one.weight,
        "weight_used": one.share,
        "notes": dict(one.notes),
    }


def _day(row: Evaluation) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "version": row.agent_version or None,
        "overall": row.overall,
        "covered": row.covered,
        "requests": row.requests,
        "dimensions": row.dimensions,
    }
