"""GET /api/v1/comparisons: two sides, measure by measure, for programs."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from console.lib import clock
from console.lib.http import check_names, invalid
from metrics.api.agents import window_of
from metrics.api.query import QueryView, query_parameters
from metrics.comparison import Interval
from metrics.ranges import ParameterError
from metrics.selectors.evaluation import standard_row
from reviews import comparison_words as words
from reviews.comparing import Compared, Side, compare
from reviews.comparison_questions import PARAMETERS, SIDES, chosen
from reviews.selectors.comparison import FIELDS, Chosen, side

DEFAULT_RANGE = timedelta(days=7)


class ComparisonView(QueryView):
    """Two versions of an agent, or any two filters, side by side."""

    @extend_schema(
        operation_id="comparisons_retrieve",
        summary="Compare two versions, or any two filters",
        description=(
            "`a_` and `b_` with agent, version, model, environment and tag choose the sides; `from` and `to` (default: "
            "the last 7 days) are the time of both, `a_from`, `a_to`, `b_from` and `b_to` that of one. Each side is "
            "its newest 2,000 traces and requests. Seconds, USD and shares from 0 to 1, with the ends of 95 % "
            "intervals; `difference` is b less a. `p_corrected` is Holm's for all measures together. `more_needed`: so "
            "many more cases until a difference of this size would be told with a power of 80 %."
        ),
        parameters=[*(OpenApiParameter(name, str) for name in PARAMETERS), *query_parameters("from", "to")],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        check_names(request.query_params, (*PARAMETERS, "from", "to"))
        window = window_of(request.query_params, clock.now(), DEFAULT_RANGE)
        parameters = request.query_params.dict()
        try:
            asked = [chosen(parameters, name, start=window.start, end=window.end, tz=UTC) for name in SIDES]
        except ParameterError as error:
            raise invalid(error.parameter, error.message) from error
        names = standard_row(self.project).score_names
        sides = [side(self.project, one, names) for one in asked]
        found = compare(*sides)
        body: dict[str, Any] = {name: _side(one, known) for name, one, known in zip(SIDES, asked, sides, strict=True)}
        body["measures"] = [_measure(one) for one in found]
        body["verdict"] = words.verdict(found)
        body["caution"] = words.caution(found) or None
        return Response(body)


def _side(asked: Chosen, known: Side) -> dict[str, Any]:
    return {
        **{name: getattr(asked, name) or None for name in FIELDS},
        "from": clock.rfc3339(asked.start),
        "to": clock.rfc3339(asked.end),
        "traces": known.traces,
        "newest_only": known.capped,
    }


def _measure(one: Compared) -> dict[str, Any]:
    scale = 1e-9 if one.measure == "cost" else 1.0
    return {
        "measure": str(one.measure),
        "a": {**_interval(one.a, scale), "count": one.counts[0]},
        "b": {**_interval(one.b, scale), "count": one.counts[1]},
        "difference": _interval(one.difference, scale),
        "clear": one.clear,
        "better": one.better or None,
        "p": one.p,
        "p_corrected": one.corrected,
        "more_needed": one.more,
        "b_larger": one.larger,
        "says": words.sentence(one),
    }


def _interval(at: Interval, scale: float) -> dict[str, float | None]:
    return {name: None if end is None else end * scale for name, end in zip(("value", "low", "high"), at, strict=True)}
