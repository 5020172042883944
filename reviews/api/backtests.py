"""/api/v1/policies/backtests: policies tried on past requests, and set against what people decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem, invalid, next_link, page_size
from reviews.api.approvals import validated
from reviews.api.parsers import ExactJsonParser
from reviews.models import Backtest, BacktestCase
from reviews.policy.backtest import load_tallies
from reviews.policy.reading import InvalidPolicy, read_policy
from reviews.policy.results import results_of
from reviews.policy.schema import dump
from reviews.selectors.backtests import backtest_of, backtests_page, cases_page
from reviews.serializers.backtests import BacktestSerializer, represent_backtest, represent_case
from reviews.services import backtests, policies, retention

PAGING = [OpenApiParameter("cursor", str), OpenApiParameter("limit", str)]


class BacktestsView(ApiView):
    """Runs of a project."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW, "POST": Permission.POLICY_EDIT}
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="backtests_list", parameters=PAGING, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Runs, the newest first, without their figures."""
        size = page_size(request.query_params.get("limit"))
        rows, cursor = backtests_page(self.project, cursor=request.query_params.get("cursor"), size=size)
        for row in rows:
            row.project = self.project
        return Response(
            {"results": [represent_backtest(row) for row in rows], "next": next_link(request._request, cursor)}
        )

    @extend_schema(operation_id="backtests_start", request=BacktestSerializer, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Begins a run over the requests made in a range; 409 while three others of the project are not finished."""
        values = validated(BacktestSerializer, request)
        made = _started(self, values, now=clock.now())
        return Response(represent_backtest(made), status=201)


def _started(view: BacktestsView, values: dict[str, Any], now: datetime) -> Backtest:
    until = values.get("until") or now
    try:
        return backtests.start(
            project=view.project,
            by=view.caller,
            trial=_trial(view.project, values),
            since=values["since"],
            until=until,
            now=now,
        )
    except backtests.TooMany:
        raise Problem(409, "Other back-tests of this project are still running: wait for one or cancel it.") from None
    except backtests.EmptyRange:
        raise invalid("since", "must be before until, and in the past") from None


def _trial(project: Project, values: dict[str, Any]) -> backtests.Trial:
    if values.get("draft"):
        found = backtests.trial_of_draft(project=project)
        if found is None:
            raise invalid("draft", "there is no draft")
        return found
    if "version" in values:
        chosen = backtests.trial_of_version(project=project, number=values["version"])
        if chosen is None:
            raise invalid("version", "there is no such version of the policy")
        return chosen
    try:
        policy = read_policy(values["policy"])
    except InvalidPolicy as error:
        errors = {f"policy.{field}": texts for field, texts in error.errors.items()}
        raise Problem(422, str(error), title="Invalid input", errors=errors) from None
    number = policies.in_force(project=project).number
    return backtests.Trial(subject=Backtest.Subject.SENT, number=number, document=dump(policy))


def _found(project: Project, key: UUID) -> Backtest:
    row = backtest_of(project, key)
    if row is None:
        raise Problem(404, "There is no such back-test.")
    return row


class BacktestView(ApiView):
    """One run."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW, "DELETE": Permission.POLICY_EDIT}

    @extend_schema(operation_id="backtests_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, backtest_id: UUID) -> Response:
        """A run with its figures as far as it has got: shares are {value, low, high}, Wilson's interval at 95 %."""
        row = _found(self.project, backtest_id)
        return Response(represent_backtest(row, results_of(load_tallies(row.tallies))))

    @extend_schema(operation_id="backtests_forget", responses={204: None})
    def delete(self, request: Request, backtest_id: UUID) -> Response:
        """Deletes a finished run; 409 while it is not finished, and where a suggested rule rests on it."""
        try:
            retention.forget_backtest(backtest=_found(self.project, backtest_id), by=self.caller, now=clock.now())
        except retention.Busy:
            raise Problem(409, "This back-test is not finished: cancel it first.") from None
        except retention.Kept:
            raise Problem(409, "A suggested rule rests on this back-test.") from None
        return Response(status=204)


class BacktestCasesView(ApiView):
    """Where a tried policy and people disagree."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    @extend_schema(
        operation_id="backtests_disagreements",
        parameters=[*PAGING, OpenApiParameter("kind", str, enum=BacktestCase.Kind.values)],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, backtest_id: UUID) -> Response:
        """Requests in the order in which they were made; at most 20,000 of a run are kept."""
        row = _found(self.project, backtest_id)
        kind = request.query_params.get("kind", "")
        if kind and kind not in BacktestCase.Kind.values:
            raise invalid("kind", f"must be one of {', '.join(BacktestCase.Kind.values)}")
        size = page_size(request.query_params.get("limit"))
        rows, cursor = cases_page(row, kind=kind, cursor=request.query_params.get("cursor"), size=size)
        return Response({"results": [represent_case(one) for one in rows], "next": next_link(request._request, cursor)})


class BacktestCancelView(ApiView):
    """Ending a run."""

    permissions: ClassVar[dict[str, Permission]] = {"POST": Permission.POLICY_EDIT}

    @extend_schema(operation_id="backtests_cancel", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, backtest_id: UUID) -> Response:
        """Ends a run; 409 when it had ended."""
        row = _found(self.project, backtest_id)
        if not backtests.cancel(backtest=row, by=self.caller, now=clock.now()):
            raise Problem(409, f"This back-test is {row.status}.")
        return Response(represent_backtest(row))
