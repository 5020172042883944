"""Budgets: made, changed and taken out of force."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project, User
from agents.services import audit
from metrics import wire
from metrics.budgeting import WARN_SHARE
from metrics.models import Budget
from metrics.selectors.budgets import MOST

Actor = Caller | User
# What a budget measures: when it changes, what was told of it before is about something else.
MEASURED = ("agent", "model", "period", "time_zone", "limit_nanos", "warn_share")


class Archived(Exception):
    """The budget is out of force and stays as it was."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a budget is to be; money in nano-dollars. Empty `agent` and `model`: for everything."""

    name: str
    limit_nanos: int
    period: str
    agent: str = ""
    model: str = ""
    time_zone: str = "UTC"
    warn_share: Decimal = WARN_SHARE
    when_spent: str = Budget.WhenSpent.WARN.value


@transaction.atomic
def create(*, project: Project, draft: Draft, by: Actor, now: datetime) -> Budget:
    """A new budget. Raises ValidationError by field."""
    # Whoever makes two at once must not get past the limit.
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if Budget.objects.in_force().filter(project=project).count() >= MOST:
        raise ValidationError({"name": _("A project has at most %(max)d budgets.") % {"max": MOST}})
    author = by if isinstance(by, User) else by.user
    budget = Budget(project=project, created_by=author, created_at=now, **_columns(draft))
    _check(budget)
    budget.save()
    audit.record(project=project, by=by, action="budget.create", target=_target(budget), detail=_said(budget), now=now)
    return budget


@transaction.atomic
def change(*, budget: Budget, draft: Draft, by: Actor, now: datetime) -> Budget:
    """Changes a budget; a changed measure is told of anew. Raises ValidationError by field, and Archived."""
    locked = Budget.objects.select_for_update(of=("self",)).select_related("project").get(pk=budget.pk)
    if locked.archived_at is not None:
        raise Archived
    before, measured = _said(locked), [getattr(locked, name) for name in MEASURED]
    for name, value in _columns(draft).items():
        setattr(locked, name, value)
    _check(locked)
    changes = {name: {"from": before[name], "to": to} for name, to in _said(locked).items() if to != before[name]}
    if not changes:
        return locked
    if [getattr(locked, name) for name in MEASURED] != measured:
        locked.told_period, locked.told_level = None, Budget.Level.FINE
    locked.save()
    audit.record(project=locked.project, by=by, action="budget.change", target=_target(locked), detail=changes, now=now)
    return locked


@transaction.atomic
def archive(*, budget: Budget, by: Actor, now: datetime) -> bool:
    """Takes a budget out of force; False when it was before."""
    if not Budget.objects.in_force().filter(pk=budget.pk).update(archived_at=now):
        return False
    budget.archived_at = now
    audit.record(project=budget.project, by=by, action="budget.archive", target=_target(budget), detail={}, now=now)
    return True


def _columns(draft: Draft) -> dict[str, Any]:
    columns = asdict(draft)
    return columns | {name: columns[name].strip() for name in ("name", "agent", "model")}


def _check(budget: Budget) -> None:
    """Raises ValidationError by field, with the words of the API and the form."""
    if budget.agent and budget.model:
        raise ValidationError({"model": _("A budget is for an agent or for a model, not for both.")})
    try:
        budget.full_clean(exclude=["project", "created_by"], validate_constraints=False)
    except ValidationError as error:
        raise ValidationError(_renamed(error.error_dict)) from None


def _renamed(errors: Mapping[str, list[ValidationError]]) -> dict[str, list[ValidationError]]:
    return {"limit" if name == "limit_nanos" else name: found for name, found in errors.items()}


def _target(budget: Budget) -> str:
    return f"budget {budget.pk}"


def _said(budget: Budget) -> dict[str, Any]:
    return {
        "name": budget.name,
        "agent": budget.agent,
        "model": budget.model,
        "period": str(budget.period),
        "time_zone": budget.time_zone,
        "limit": wire.usd(budget.limit_nanos),
        "warn_share": float(budget.warn_share),
        "when_spent": str(budget.when_spent),
    }
