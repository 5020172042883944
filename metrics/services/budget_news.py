"""Telling of budgets that are nearly or wholly spent: people's bells, channels and webhooks."""

import logging
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from agents import selectors as people
from agents.messages import Event, plain
from agents.models import Project
from agents.permissions import Permission
from agents.services import notify, outbox
from console.templatetags.ui import money
from metrics.budget_json import budget_of
from metrics.budgeting import SPENT
from metrics.models import Budget
from metrics.selectors import budgets as selector
from metrics.selectors.budgets import Kept
from metrics.services.budgets import MEASURED

logger = logging.getLogger(__name__)

WARNED_EVENT, SPENT_EVENT = "budget.warned", "budget.spent"
PROJECTS_AT_ONCE = 200


def tell_due(*, now: datetime) -> int:
    """Tells of every budget that has reached a level since it was last looked at; returns how many.

    Once per period and level, whoever else is at it. What only a later correction takes back was told all the same.
    """
    told = 0
    for project in _projects():
        try:
            rows = Budget.objects.of_project(project.pk).in_force()
            told += sum(_tell(project, kept, now) for kept in selector.standings(rows, now=now) if _is_due(kept))
        except Exception:  # One project must not keep the others waiting.
            logger.exception("budgets_not_watched", extra={"project": project.slug})
    return told


def _projects() -> Iterator[Project]:
    """Open projects that have budgets."""
    after = 0
    having = Project.objects.open().filter(budgets__archived_at__isnull=True, budgets__isnull=False).distinct()
    while rows := list(having.filter(pk__gt=after).order_by("pk")[:PROJECTS_AT_ONCE]):
        yield from rows
        after = rows[-1].pk


def _is_due(kept: Kept) -> bool:
    budget, standing = kept.budget, kept.standing
    known = budget.told_level if budget.told_period == standing.window.start else Budget.Level.FINE
    return standing.level > known


@transaction.atomic
def _tell(project: Project, kept: Kept, now: datetime) -> bool:
    budget, standing = kept.budget, kept.standing
    earlier = Q(told_period__isnull=True) | Q(told_period__lt=standing.window.start)
    lower = Q(told_period=standing.window.start, told_level__lt=standing.level)
    same = Budget.objects.in_force().filter(pk=budget.pk, **{name: getattr(budget, name) for name in MEASURED})
    if not same.filter(earlier | lower).update(told_period=standing.window.start, told_level=standing.level):
        return False
    with translation.override(settings.LANGUAGE_CODE):  # nobody reads along
        event = _event(project, kept)
    outbox.record(events=[event], now=now)
    notify.notify(
        users=people.members_with(project.pk, Permission.BUDGET_EDIT),
        project=project,
        kind=event.type,
        title=event.title,
        body=event.body,
        url=event.path,
        now=now,
    )
    return True


def _event(project: Project, kept: Kept) -> Event:
    budget, standing = kept.budget, kept.standing
    spent = standing.level == SPENT
    path = reverse("metrics:budgets", kwargs={"project": project.slug})
    title = _("Budget spent: %(name)s") if spent else _("Budget nearly spent: %(name)s")
    return Event(
        project_id=project.pk,
        type=SPENT_EVENT if spent else WARNED_EVENT,
        title=title % {"name": plain(budget.name)},
        body=_body(kept),
        path=path,
        data={**budget_of(kept), "url": settings.PUBLIC_URL + path},
        # As rules of channels choose by risk: a warning is not urgent, a spent budget is.
        risk="high" if spent else "medium",
        rung=True,
        until=standing.window.end,
    )


def _body(kept: Kept) -> str:
    budget, standing = kept.budget, kept.standing
    sums = {"spent": money(standing.figures.spent_nanos), "limit": money(budget.limit_nanos)}
    facts = [_("%(spent)s of %(limit)s") % sums]
    if budget.agent:
        facts.append(_("agent %(name)s") % {"name": plain(budget.agent)})
    if budget.model:
        facts.append(_("model %(name)s") % {"name": plain(budget.model)})
    if unpriced := standing.figures.unpriced_calls:
        facts.append(_("%(count)d calls without a known price are not in it") % {"count": unpriced})
    if standing.says_no:
        facts.append(_("agents that ask are told no"))
    return " · ".join([*facts, _("until %(time)s UTC") % {"time": f"{standing.window.end:%Y-%m-%d %H:%M}"}])
