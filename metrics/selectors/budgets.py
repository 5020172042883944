"""Budgets and what is spent of them, out of the rollups: exact at every moment, and no span is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, Sum, TextField, Value, When

from metrics import budgeting
from metrics.budgeting import Figures, Standing, Window
from metrics.models import Budget
from metrics.resolutions import OTHER, State
from metrics.selectors import rollups

MOST = 100
"""Budgets of a project that are in force at once."""

SUGGESTED = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """A budget and how it stands."""

    budget: Budget
    standing: Standing


def standings(budgets: Iterable[Budget], *, now: datetime) -> list[Kept]:
    """How budgets of one project stand, in their order: two queries and one for each further period among them."""
    rows = list(budgets)
    windows = {row.pk: budgeting.window_of(row.period, row.time_zone, now) for row in rows}
    spent: dict[int, Figures] = {}
    if rows:
        start, end = min(one.start for one in windows.values()), max(one.end for one in windows.values())
        state = rollups.state(rows[0].project_id, start, end)
        for window in dict.fromkeys(windows.values()):
            spent |= _spent([row for row in rows if windows[row.pk] == window], window, state)
    return [
        Kept(
            row,
            Standing(
                window=windows[row.pk],
                figures=spent[row.pk],
                limit_nanos=row.limit_nanos,
                warn_share=row.warn_share,
                refuses=row.when_spent == Budget.WhenSpent.REFUSE,
                now=now,
            ),
        )
        for row in rows
    ]


def applying(project_id: int, *, agent: str, model: str, now: datetime) -> list[Kept]:
    """Those that hold for what an agent does with a model, tightest first; empty names are nobody's."""
    rows = Budget.objects.of_project(project_id).in_force().applying(agent=agent, model=model)
    return tightest_first(standings(rows, now=now))


def tightest_first(found: Iterable[Kept]) -> list[Kept]:
    """What says no first, then by the share that is spent."""
    return sorted(found, key=lambda one: budgeting.tightness(one.standing), reverse=True)


def share_spent(project_id: int, *, agent: str, now: datetime) -> float | None:
    """The share that is spent of the tightest budget for everything or for this agent; 0.0 when there is none.

    None where nothing of what was spent has a known price: it may be any share.
    """
    found = applying(project_id, agent=agent, model="", now=now)
    if any(one.standing.is_unknown for one in found):
        return None
    return max((one.standing.share for one in found), default=0.0)


def suggestions(project_id: int, *, since: datetime, until: datetime) -> dict[str, list[str]]:
    """Agents and models that there was something of, by name: what a budget may be for. Three queries."""
    state = rollups.state(project_id, since, until)
    seen = rollups.rows(project_id, rollups.cover([since, until], state))
    return {
        name: sorted(
            value
            for value in seen.exclude(**{name: ""}).values_list(name, flat=True).distinct().order_by()[:SUGGESTED]
            if value != OTHER
        )
        for name in ("agent", "model")
    }


def _spent(budgets: Sequence[Budget], window: Window, state: State) -> dict[int, Figures]:
    """What was spent of budgets with the same period, by their ids. One query."""
    parts = rollups.cover([window.start, window.end], state)
    agents, models = {row.agent for row in budgets if row.agent}, {row.model for row in budgets if row.model}
    rows = rollups.rows(budgets[0].project_id, parts).values_list(_one_of("agent", agents), _one_of("model", models))
    found: list[tuple[str, str, Figures]] = []
    summed = rows.annotate(nanos=Sum("cost_nanos"), unpriced=Sum("unpriced_count")).order_by()
    for agent, model, nanos, unpriced in summed:
        found.append((agent, model, Figures(int(nanos), int(unpriced))))
    return {row.pk: _of(row, found) for row in budgets}


def _one_of(column: str, wanted: Iterable[str]) -> Case:
    """The column where it is one of these or stands for many, else nothing: so there are few groups."""
    told_apart = When(**{f"{column}__in": sorted({*wanted, OTHER})}, then=F(column))
    return Case(told_apart, default=Value(""), output_field=TextField())


def _of(budget: Budget, found: Sequence[tuple[str, str, Figures]]) -> Figures:
    total = Figures()
    for agent, model, figures in found:
        value, wanted = (agent, budget.agent) if budget.agent else (model, budget.model)
        if value == wanted or not wanted:
            total = total.plus(figures)
        elif value == OTHER:
            total = total.plus(Figures(unattributed_nanos=figures.spent_nanos))
    return total
