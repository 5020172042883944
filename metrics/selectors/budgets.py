"""Budgets and what is spent of them, out of the rollups: exact at every moment, and no span is read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from itertools import chain
from zoneinfo import ZoneInfo

from django.db.models import Case, F, Sum, TextField, Value, When

from metrics import budgeting
from metrics.budgeting import Burn, Figures, Standing, Window
from metrics.models import Budget
from metrics.ranges import TimeRange
from metrics.resolutions import OTHER, State
from metrics.selectors import rollups
from metrics.selectors.rollups import Bin

MOST = 100
"""Budgets of a project that are in force at once."""

SUGGESTED = 200
STEPS = {budgeting.DAY: timedelta(hours=1), budgeting.WEEK: timedelta(hours=6), budgeting.MONTH: timedelta(days=1)}
"""Of a burn-down: at most 31 in a period."""

# What was spent by an agent with a model.
Sums = tuple[str, str, Figures]


@dataclass(frozen=True, slots=True)
class Kept:
    """A budget and how it stands."""

    budget: Budget
    standing: Standing


def standings(budgets: Iterable[Budget], *, now: datetime, state: State | None = None) -> list[Kept]:
    """How budgets of one project stand, in their order. Three queries, one fewer with a `state` since `earliest`."""
    rows = list(budgets)
    if not rows:
        return []
    windows = {row.pk: _window(row, now) for row in rows}
    if state is None:
        state = rollups.state(rows[0].project_id, earliest(rows, now), max(one.end for one in windows.values()))
    spent = _spent(rows, windows, state)
    return [Kept(row, _standing(row, windows[row.pk], spent[row.pk], now)) for row in rows]


def earliest(budgets: Iterable[Budget], now: datetime) -> datetime:
    """The start of the period that began first; `now` without budgets."""
    return min((_window(row, now).start for row in budgets), default=now)


def burn_down(budget: Budget, *, now: datetime) -> Burn:
    """What was spent of a budget in each step of its period. Two queries."""
    steps = _steps(_window(budget, now), budget, now)
    edges = [*steps.bins(), steps.end]
    parts = rollups.cover(edges, rollups.state(budget.project_id, steps.start, steps.end))
    columns = (Bin(edges), _one_of("agent", {budget.agent}), _one_of("model", {budget.model}))
    found: dict[int, list[Sums]] = defaultdict(list)
    seen = rollups.rows(budget.project_id, parts).values_list(*columns)
    for bin, agent, model, nanos, unpriced in seen.annotate(Sum("cost_nanos"), Sum("unpriced_count")).order_by():
        found[bin].append((agent, model, Figures(int(nanos), int(unpriced))))
    figures = [_of(budget, found[place]) for place in range(steps.bin_count)]
    whole = reduce(Figures.plus, figures, Figures())
    return Burn(steps, figures, _standing(budget, Window(steps.start, steps.end), whole, now))


def of_everything(project_id: int) -> list[Budget]:
    """The budgets in force for everything, of whichever agent and model."""
    return list(Budget.objects.of_project(project_id).in_force().applying(agent="", model=""))


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


def _window(budget: Budget, now: datetime) -> Window:
    return budgeting.window_of(budget.period, budget.time_zone, now)


def _steps(window: Window, budget: Budget, now: datetime) -> TimeRange:
    return TimeRange(window.start, window.end, STEPS[budget.period], now, tz=ZoneInfo(budget.time_zone))


def _standing(budget: Budget, window: Window, figures: Figures, now: datetime) -> Standing:
    return Standing(
        window=window,
        figures=figures,
        limit_nanos=budget.limit_nanos,
        warn_share=budget.warn_share,
        refuses=budget.when_spent == Budget.WhenSpent.REFUSE,
        now=now,
    )


def _spent(budgets: Sequence[Budget], windows: Mapping[int, Window], state: State) -> dict[int, Figures]:
    """What was spent of budgets, by their ids. One query, whatever their number and periods."""
    parts = {window: rollups.cover([window.start, window.end], state) for window in windows.values()}
    agents, models = {row.agent for row in budgets if row.agent}, {row.model for row in budgets if row.model}
    seen = rollups.rows(budgets[0].project_id, dict.fromkeys(chain.from_iterable(parts.values())))
    sums: list[Sum] = []
    for one in parts.values():
        of_window = rollups.within(one)
        sums += [Sum(column, filter=of_window, default=0) for column in ("cost_nanos", "unpriced_count")]
    named = {f"sum_{place}": one for place, one in enumerate(sums)}
    found: dict[Window, list[Sums]] = defaultdict(list)
    grouped = seen.values_list(_one_of("agent", agents), _one_of("model", models))
    for agent, model, *figures in grouped.annotate(**named).order_by():
        for window, nanos, unpriced in zip(parts, figures[::2], figures[1::2], strict=True):
            found[window].append((agent, model, Figures(int(nanos), int(unpriced))))
    return {row.pk: _of(row, found[windows[row.pk]]) for row in budgets}


def _one_of(column: str, wanted: Iterable[str]) -> Case:
    """The column where it is one of these or stands for many, else nothing: so there are few groups."""
    told_apart = When(**{f"{column}__in": sorted({*wanted, OTHER})}, then=F(column))
    return Case(told_apart, default=Value(""), output_field=TextField())


def _of(budget: Budget, found: Sequence[Sums]) -> Figures:
    total = Figures()
    for agent, model, figures in found:
        value, wanted = (agent, budget.agent) if budget.agent else (model, budget.model)
        if value == wanted or not wanted:
            total = total.plus(figures)
        elif value == OTHER:
            total = total.plus(Figures(unattributed_nanos=figures.spent_nanos))
    return total
