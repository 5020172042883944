"""Costs: what was spent on models, agents, people and teams, day by day, as a page and as CSV."""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.clock import rfc3339
from metrics import charts
from metrics.ranges import LONGEST_RANGE, YEARS, TimeRange, floor
from metrics.resolutions import OTHER
from metrics.selectors import costs, overview, traces
from metrics.selectors.series import SPEND_DIMENSIONS
from metrics.tiles import change
from metrics.times import from_ns
from metrics.views import saved_views
from metrics.views.asking import UP_TO_THEN, Way, otlp_environment, traces_url
from metrics.wire import cost, usd

PRESETS = (7, 30, 90)
DEFAULT_DAYS = 30
MOST_LINES = 50
DAY = timedelta(days=1)
# A spreadsheet takes text that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page(request: HttpRequest, project: str) -> HttpResponse:
    """What was spent in some UTC days, by one dimension."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    window, problem = _window(request)
    by = _by(request)
    context: dict[str, Any] = {"project": found, "problem": problem, "by": by, "window": window}
    if overview.has_any(found.pk):
        context |= _figures(found, window, by) | saved_views.menu_context(request, found, "costs")
        context["tabs"] = [(name, label, _address(found, "costs", window, name)) for name, label in _labels().items()]
        context["presets"] = [(days, _preset_url(found, by, days), _days(window) == days) for days in PRESETS]
        if not context["spent"].lines:
            context |= _way_back(found, window, by)
        context["csv_url"] = _address(found, "costs-table", window, by)
    else:
        context |= {"silent": True, **otlp_environment(request, found)}
    return render(request, "metrics/costs.html", context)


def table(request: HttpRequest, project: str) -> HttpResponse:
    """The whole table as CSV."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    window, _problem = _window(request)
    by = _by(request)
    name = f"costs-by-{by}-{window.start:%Y-%m-%d}-{window.end - DAY:%Y-%m-%d}.csv"
    response = HttpResponse(
        content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
    writer = csv.writer(response)
    writer.writerows(_rows(costs.of(found.pk, window, by), by))
    return response


def _rows(spent: costs.Costs, by: str) -> Iterator[list[Any]]:
    yield [
        by, "cost_usd", "share", "requests", "cost_per_request_usd", "input_tokens", "cache_read_tokens",
        "cache_write_tokens", "output_tokens", "unpriced_calls",
    ]  # fmt: skip
    for line in spent.lines:
        value = f"'{line.value}" if line.value.startswith(FORMULA) else line.value
        yield [
            value, cost(line.cost_nanos, line.unpriced_count), f"{line.share:.6f}", line.requests,
            usd(line.per_request_nanos), line.input_tokens, line.cache_read_tokens, line.cache_write_tokens,
            line.output_tokens, line.unpriced_count,
        ]  # fmt: skip


def _way_back(project: Project, window: TimeRange, by: str) -> dict[str, Any]:
    """The last trace, when it is of another time than these days, and the address of the 30 days up to its own."""
    newest = traces.newest(project.pk)
    moment = from_ns(newest.start_ns) if newest else None
    if moment is None or window.start <= moment < window.end:
        return {}
    last = floor(moment, DAY)
    shown = TimeRange(start=last - (DEFAULT_DAYS - 1) * DAY, end=last + DAY, step=DAY, now=window.now)
    return {"newest": newest, "way": Way(_address(project, "costs", shown, by), str(UP_TO_THEN))}


def _figures(project: Project, window: TimeRange, by: str) -> dict[str, Any]:
    spent = costs.of(project.pk, window, by)
    axis = charts.axis(window, UTC)
    others = len(spent.lines) - len(spent.charted)
    return {
        "spent": spent,
        "lines": [(line, *_shown(project, window, by, line)) for line in spent.lines[:MOST_LINES]],
        "more": max(len(spent.lines) - MOST_LINES, 0),
        "figure": charts.costs(axis, by, spent.charted, spent.rest, others=others),
        "traces_url": _traces_url(project, window),
        "change": change(spent.total.compared_nanos, spent.total.before_nanos),
        "complete": costs.phases(window)[1],
        "computed_at": costs.computed_at(project.pk, window) if by in SPEND_DIMENSIONS else None,
        "requests_label": {"model": _("Calls"), **dict.fromkeys(SPEND_DIMENSIONS, _("Traces"))}.get(by, _("Requests")),
        "by_label": _labels()[by],
        "other": next((line for line in spent.lines if line.value == OTHER and by != "day"), None),
    }


def _shown(project: Project, window: TimeRange, by: str, line: costs.Spent) -> tuple[str, str, str]:
    """How a line is called, the traces behind it, and how it changed."""
    changed = "" if by == "day" else change(line.compared_nanos, line.before_nanos)
    if by == "day":
        start = datetime.fromisoformat(line.value).replace(tzinfo=UTC)
        return line.value, traces_url(project, **{"from": rfc3339(start), "to": rfc3339(start + DAY)}), changed
    if not line.value:
        return "", "", changed
    if line.value == OTHER:
        return _("other"), "", changed
    return line.value, _traces_url(project, window, **{by: line.value}), changed


def _traces_url(project: Project, window: TimeRange, **chosen: str) -> str:
    return traces_url(project, **{"from": rfc3339(window.start), "to": rfc3339(window.end), **chosen}, sort="cost")


def _by(request: HttpRequest) -> str:
    by = request.GET.get("by", "")
    return by if by in costs.BY else costs.BY[0]


def _window(request: HttpRequest) -> tuple[TimeRange, str]:
    """Whole UTC days: `days` up to today, or `from` and `to`, both included; and what was wrong with the address."""
    now = clock.now()
    today = now.astimezone(UTC).date()
    first, last, problem = today - (DEFAULT_DAYS - 1) * DAY, today, ""
    try:
        if request.GET.get("from") or request.GET.get("to"):
            last = date.fromisoformat(request.GET.get("to") or today.isoformat())
            first = date.fromisoformat(request.GET.get("from") or (last - (DEFAULT_DAYS - 1) * DAY).isoformat())
        elif request.GET.get("days"):
            first = today - (min(max(int(request.GET["days"][:6]), 1), LONGEST_RANGE.days) - 1) * DAY
        if first > last or last - first >= LONGEST_RANGE or not {first.year, last.year} <= set(YEARS):
            raise ValueError
    except (ValueError, OverflowError):
        first, last = today - (DEFAULT_DAYS - 1) * DAY, today
        problem = _("The days must be dates like 2026-01-31, the first one first, at most %(n)d days.") % {
            "n": LONGEST_RANGE.days
        }
    start, end = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (first, last + DAY))
    return TimeRange(start=start, end=end, step=DAY, now=now), problem


def _days(window: TimeRange) -> int:
    """The number of days when the range ends today, else 0."""
    return window.length.days if window.start <= window.now < window.end else 0


def _address(project: Project, view: str, window: TimeRange, by: str) -> str:
    address = reverse(f"metrics:{view}", kwargs={"project": project.slug})
    if days := _days(window):
        return f"{address}?by={by}&days={days}"
    return f"{address}?by={by}&from={window.start:%Y-%m-%d}&to={window.end - DAY:%Y-%m-%d}"


def _preset_url(project: Project, by: str, days: int) -> str:
    return f"{reverse('metrics:costs', kwargs={'project': project.slug})}?by={by}&days={days}"


def _labels() -> dict[str, str]:
    return {
        "model": _("Model"),
        "agent": _("Agent"),
        "user": _("User"),
        "tag": _("Tag"),
        "team": _("Team"),
        "environment": _("Environment"),
        "day": _("Day"),
    }
