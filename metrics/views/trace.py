"""One trace: its waterfall, one span of it in full, and the small version that the review page shows."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from metrics import access
from metrics.conversation import Message, messages
from metrics.models import Span, Trace
from metrics.selectors import details, spans
from metrics.views.rows import waterfall_rows
from metrics.waterfall import Row

# The small waterfall shows this many rows: the longest of the upper levels.
MINI_ROWS = 12
AXIS_PARTS = 4


@dataclass(frozen=True, slots=True)
class SpanContent:
    """What one span was given and gave back, ready to read."""

    input: list[Message]
    output: list[Message]


def page(request: HttpRequest, project: str, trace_id: str) -> HttpResponse:
    """The trace with its waterfall. `?span=` opens a span; `?seen=` answers 204 when nothing arrived since."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    trace = access.trace(found, trace_id)
    live = bool(request.headers.get("HX-Request"))
    if live and request.GET.get("seen") == version_of(trace):
        return HttpResponse(status=204)
    tree = spans.tree(spans.heads(trace))
    context: dict[str, Any] = _trace_context(found, trace) | {
        "rows": waterfall_rows(tree.lines),
        "row_count": len(tree.lines),
        "ticks": [tree.layout.duration_ns * part // AXIS_PARTS for part in range(AXIS_PARTS + 1)],
        "kinds": sorted({line.span.kind for line in tree.lines}),
        "first_error": next((line.row.id for line in tree.lines if line.span.status == "error"), ""),
    }
    if request.GET.get("span") and not live:
        context |= _selected(found, trace, request.GET["span"])
    return render(request, "metrics/_trace.html" if live else "metrics/trace.html", context)


def _selected(project: Project, trace: Trace, span_id: str) -> dict[str, Any]:
    """The panel of the span that the address names; an unknown one leaves it closed."""
    try:
        return _span_context(project, trace, access.span(trace, span_id))
    except Http404:
        return {}


def version_of(trace: Trace) -> str:
    """Changes whenever spans of the trace arrive."""
    return f"{trace.updated_at.timestamp():.6f}"


def _trace_context(project: Project, trace: Trace) -> dict[str, Any]:
    return {
        "project": project,
        "trace": trace,
        "trace_hex": bytes(trace.trace_id).hex(),
        "version": version_of(trace),
        "tokens": trace.input_tokens + trace.output_tokens,
    }


def span(request: HttpRequest, project: str, trace_id: str, span_id: str) -> HttpResponse:
    """The panel of one span."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    trace = access.trace(found, trace_id)
    return render(request, "metrics/_span.html", _span_context(found, trace, access.span(trace, span_id)))


def _span_context(project: Project, trace: Trace, of: Span) -> dict[str, Any]:
    detail = details.of_span(trace, of)
    exceptions = [event for event in detail.events if event["name"] == "exception"]
    stacks = [event["attributes"].get("exception.stacktrace") for event in exceptions]
    return _trace_context(project, trace) | {
        "span": of,
        "span_hex": bytes(of.span_id).hex(),
        "offset_ns": of.start_ns - trace.start_ns,
        "detail": detail,
        "said": SpanContent(messages(detail.input), messages(detail.output)),
        "raw": {"input": detail.input, "output": detail.output},
        "stacks": [stack for stack in stacks if isinstance(stack, str)],
        "events": [event for event in detail.events if event["name"] != "exception"],
        "logs": spans.logs_of(of),
    }


def mini(request: HttpRequest, project: str, trace_id: str) -> HttpResponse:
    """A few bars of the trace and what it cost so far, for the review page; says so while it is on its way."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    trace = access.trace_or_none(found, trace_id)
    marked = request.GET.get("span", "").lower()
    context: dict[str, Any] = {"project": found, "trace_hex": trace_id.lower(), "marked": marked}
    if trace is None:
        return render(request, "metrics/_trace_mini.html", context)
    if request.headers.get("HX-Request") and request.GET.get("seen") == version_of(trace):
        return HttpResponse(status=204)
    tree = spans.tree(spans.heads(trace))
    lines = sorted(tree.lines, key=lambda line: _prominence(line.row, marked))[:MINI_ROWS]
    shown = {line.row.id for line in lines}
    context |= _trace_context(found, trace) | {
        "lines": [line for line in tree.lines if line.row.id in shown],
        "kinds": sorted({line.span.kind for line in lines}),
        "left_out": len(tree.lines) - len(shown),
    }
    return render(request, "metrics/_trace_mini.html", context)


def _prominence(row: Row, marked: str) -> tuple[bool, int, float]:
    """The span that asked comes first, then upper levels, then long spans."""
    return (row.id != marked, row.depth, -row.width)
