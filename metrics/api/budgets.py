"""/api/v1/budgets: what may be spent, and whether more may be spent now."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, invalid, not_valid
from metrics import access
from metrics.budget_json import budget_of, check_of, draft_of
from metrics.budgeting import SCOPE_CHARS
from metrics.models import Budget
from metrics.selectors import budgets as selector
from metrics.services import budgets
from metrics.services.budgets import Draft

EXAMPLE = OpenApiExample(
    "Fifty dollars a day for one agent, in Berlin's days",
    value={
        "name": "Support desk",
        "agent": "support",
        "period": "day",
        "time_zone": "Europe/Berlin",
        "limit": "50",
        "warn_share": 0.8,
        "when_spent": "refuse",
    },
    request_only=True,
)
CHECK_SCOPE, CHECK_PERMISSION = Scope.TELEMETRY_READ, Permission.TELEMETRY_VIEW
CHECKED = ("agent", "model")
# What names the project of a person (agents.access).
ADDRESSED = ("project",)


class BudgetView(ApiView):
    """Base of what is at /api/v1/budgets: programs that watch read, people who run agents change."""

    scopes: ClassVar[dict[str, Scope]] = {
        "GET": Scope.TELEMETRY_READ, "POST": Scope.ADMIN, "PATCH": Scope.ADMIN, "DELETE": Scope.ADMIN
    }  # fmt: skip
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.TELEMETRY_VIEW, **dict.fromkeys(("POST", "PATCH", "DELETE"), Permission.BUDGET_EDIT)
    }  # fmt: skip

    def answer(self, budget: Budget, status: int = 200) -> Response:
        """The budget as it stands now."""
        [kept] = selector.standings([budget], now=clock.now())
        return Response(budget_of(kept), status=status)


class BudgetsView(BudgetView):
    """Budgets of the project."""

    @extend_schema(operation_id="budgets_list", summary="Budgets in force, by name", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        rows = Budget.objects.of_project(self.project.pk).in_force()
        found = selector.standings(rows, now=clock.now())
        return Response({"results": [budget_of(kept) for kept in found], "next": None})

    @extend_schema(
        operation_id="budgets_create",
        summary="Make a budget",
        description="For an agent, a model, or everything. `limit` is in dollars. `when_spent`: warn or refuse.",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        draft = Draft(**draft_of(request.data))
        try:
            made = budgets.create(project=self.project, draft=draft, by=self.caller, now=clock.now())
        except ValidationError as error:
            raise not_valid(error) from error
        return self.answer(made, status=201)


class OneBudgetView(BudgetView):
    """One budget. Archived ones can still be read."""

    budget: Budget

    def find_project(self, request: Request, caller: Caller | None, **kwargs: Any) -> Project:
        method = request.method or ""
        self.budget = access.api_budget(
            caller, kwargs["budget_id"], scope=self.scopes.get(method), permission=self.permissions.get(method)
        )
        return self.budget.project

    @extend_schema(operation_id="budgets_read", summary="A budget and how it stands", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, budget_id: int) -> Response:
        return self.answer(self.budget)

    @extend_schema(
        operation_id="budgets_change",
        summary="Change a budget",
        description="What is left out stays.",
        request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
    )
    def patch(self, request: Request, budget_id: int) -> Response:
        draft = Draft(**draft_of(request.data, self.budget))
        try:
            return self.answer(budgets.change(budget=self.budget, draft=draft, by=self.caller, now=clock.now()))
        except ValidationError as error:
            raise not_valid(error) from error
        except budgets.Archived as error:
            raise Problem(409, "The budget is archived; make another one.") from error

    @extend_schema(
        operation_id="budgets_archive",
        summary="Archive a budget",
        description="It is kept, and no longer in force.",
        responses={204: None},
    )
    def delete(self, request: Request, budget_id: int) -> Response:
        budgets.archive(budget=self.budget, by=self.caller, now=clock.now())
        return Response(status=204)


class CheckView(ApiView):
    """What agents ask before they spend more."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": CHECK_SCOPE}
    permissions: ClassVar[dict[str, Permission]] = {"GET": CHECK_PERMISSION}

    @extend_schema(
        operation_id="budgets_check",
        summary="Whether more may be spent",
        description="Budgets for everything apply, and those of the agent and of the model that are named. The figures "
        "are those of the tightest one; `budgets` has all of them. Nothing is reserved.",
        parameters=[OpenApiParameter(name, str) for name in CHECKED],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        asked = {name: str(value) for name, value in request.query_params.items()}
        return Response(check(self.project.pk, asked))


def check(project_id: int, asked: dict[str, str]) -> dict[str, Any]:
    """The answer to a check. Raises Problem 422 naming what budgets cannot be for."""
    for name, value in asked.items():
        if name not in (*CHECKED, *ADDRESSED):
            raise invalid(name[:100], f"is nothing that budgets are for: name {' or '.join(CHECKED)}")
        if "\x00" in value or len(value) > SCOPE_CHARS:
            raise invalid(name, f"must be text of at most {SCOPE_CHARS} characters")
    agent, model = asked.get("agent", ""), asked.get("model", "")
    return check_of(selector.applying(project_id, agent=agent, model=model, now=clock.now()))
