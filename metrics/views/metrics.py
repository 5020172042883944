"""The metrics explorer: which metrics senders measure, and one of them over time."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from console.lib import clock
from console.lib.http import Problem, decode_cursor, encode_cursor
from metrics import access, charts, point_questions
from metrics.models import Metric
from metrics.parameters import text
from metrics.ranges import ParameterError, TimeRange
from metrics.selectors import catalogue, points
from metrics.selectors.points import PointAnswer, PointQuestion
from metrics.views import saved_views
from metrics.views.asking import chosen_range, otlp_environment, range_context

PAGE_SIZE = 50
DEFAULT_RANGE = "6h"
# Lines in the chart; the table below it has more.
LINES_DRAWN = 12
HIDDEN = ("range", "from", "to", "name", "kind")


def explorer(request: HttpRequest, project: str) -> HttpResponse:
    """The list of metrics, or with `name` one metric over time; for htmx the part that refreshes itself."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    if request.GET.get("name"):
        metric = access.metric(found, request.GET["name"][:255], request.GET.get("kind", "")[:40])
        return _one(request, found, metric)
    return _list(request, found)


def _list(request: HttpRequest, project: Project) -> HttpResponse:
    problem, part = "", ""
    try:
        part = text(request.GET.dict(), ("q",))
    except ParameterError as error:
        problem = error.message
    page = catalogue.metrics(project.pk, text=part, limit=PAGE_SIZE, after=_after(request))
    silent = not page.lines and not part and not request.GET.get("cursor")
    if request.headers.get("HX-Request") and request.GET.get("waiting") and not silent:
        return HttpResponse(headers={"HX-Refresh": "true"})
    context: dict[str, Any] = {
        "project": project,
        "problem": problem,
        "part": part,
        "page": page,
        "after": encode_cursor(page.after) if page.after else "",
        "silent": silent,
    }
    if silent:
        context |= otlp_environment(request, project)
    return _shown(request, project, context, "metrics")


def _after(request: HttpRequest) -> tuple[str, str] | None:
    """Where the list begins. A damaged cursor shows the first page."""
    try:
        name, kind = decode_cursor(request.GET.get("cursor", ""), length=2)
    except Problem:
        return None
    fits = isinstance(name, str) and isinstance(kind, str) and "\x00" not in name + kind
    return (name, kind) if fits else None


def _one(request: HttpRequest, project: Project, metric: Metric) -> HttpResponse:
    chosen = chosen_range(request, now=clock.now(), default=DEFAULT_RANGE)
    problem, question, answer = _answer(request, metric, chosen.window)
    tz = timezone.get_current_timezone()
    named = [(_name(line.labels), line.points) for line in answer.lines]
    drawn = [(name, [value for _moment, value in values]) for name, values in named[:LINES_DRAWN]]
    context: dict[str, Any] = {
        "project": project,
        "metric": metric,
        "problem": problem or chosen.problem,
        "question": question,
        "answer": answer,
        "figure": charts.lines(charts.axis(chosen.window, tz), drawn),
        "rows": [(name, *_summary([value for _moment, value in values])) for name, values in named],
        "drawn": LINES_DRAWN,
        "aggregations": points.aggregations(metric),
        "choices": catalogue.choices(metric),
        "group_by": ",".join(question.group_by) if question else "",
        "where": _chips(request),
        "where_values": request.GET.getlist("where"),
        "hidden": {name: request.GET[name] for name in HIDDEN if request.GET.get(name)},
        "overflowed": _recent(metric, chosen.window.start),
        **range_context(chosen.window),
    }
    return _shown(request, project, context, "metric")


def _shown(request: HttpRequest, project: Project, context: dict[str, Any], name: str) -> HttpResponse:
    """The part that refreshes itself for htmx, else the whole page, with the views once there is something to see."""
    if request.headers.get("HX-Request"):
        return render(request, f"metrics/_{name}.html", context)
    if not context.get("silent"):
        context |= saved_views.menu_context(request, project, "metrics")
    return render(request, f"metrics/{name}.html", context)


def _answer(request: HttpRequest, metric: Metric, window: TimeRange) -> tuple[str, PointQuestion | None, PointAnswer]:
    """What is wrong with the question, the question and the answer to it."""
    question = None
    try:
        question = point_questions.point_question(
            metric,
            request.GET.dict(),
            where=request.GET.getlist("where"),
            group_by=request.GET.getlist("group_by"),
            bins=(window.start, window.end, window.step),
            now=window.now,
        )
        return "", question, points.ask(question)
    except ParameterError as error:
        return error.message, question, PointAnswer([])


def _name(labels: dict[str, str]) -> str:
    """What a line is called: the values of its labels."""
    return ", ".join(value or _("none") for value in labels.values()) or _("all")


def _summary(values: list[float | int | None]) -> tuple[float | None, float | None, float | None]:
    """The last value, the mean and the largest of a line."""
    known = [value for value in values if value is not None]
    return (known[-1], sum(known) / len(known), max(known)) if known else (None, None, None)


def _chips(request: HttpRequest) -> list[tuple[str, str]]:
    """Each filter and the address without it."""
    given = request.GET.getlist("where")
    chips = []
    for place, one in enumerate(given):
        if one.strip():
            without = request.GET.copy()
            without.setlist("where", given[:place] + given[place + 1 :])
            chips.append((one, f"?{without.urlencode()}"))
    return chips


def _recent(metric: Metric, start: datetime) -> bool:
    """Whether series were left out of the catalogue since the range began."""
    return metric.overflow_ns is not None and metric.overflow_ns / 1e9 >= start.timestamp()
