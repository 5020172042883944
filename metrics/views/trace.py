"""One trace: its waterfall, one span of it in full, and the small version that the review page shows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from metrics import access, prices_shown, steps
from metrics.conversation import Message, messages
from metrics.ingest.rows import Usage
from metrics.models import Span, Trace
from metrics.selectors import annotation, details, flags, spans
from metrics.selectors.spans import Head, Line
from metrics.signs import signs_of
from metrics.views.rows import MOST_DRAWN, blank_row, row_data, waterfall_rows
from metrics.views.scores import scores_context
from metrics.waterfall import Row

# The small waterfall shows this many rows: the longest of the upper levels.
MINI_ROWS = 12
AXIS_PARTS = 4
MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class SpanContent:
    """What one span was given and gave back, ready to read."""

    input: list[Message]
    output: list[Message]


def page(request: HttpRequest, project: str, trace_id: str) -> HttpResponse:
    """The trace with its waterfall. `?span=` opens a span, `?noise=1` shows what is folded away.

    `?seen=` answers 204 when nothing arrived since.
    """
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    trace = access.trace(found, trace_id)
    live = bool(request.headers.get("HX-Request"))
    if live and request.GET.get("seen") == version_of(trace):
        return HttpResponse(status=204)
    context = _trace_context(found, trace) | _waterfall_context(request, spans.heads(trace))
    if live:
        return render(request, "metrics/_trace.html", context)
    context |= scores_context(request, found, trace, None)
    if context["may_score"]:
        context["annotation_queues"] = annotation.offered(found.pk)
    if request.GET.get("span"):
        context |= _selected(request, found, trace, request.GET["span"])
    return render(request, "metrics/trace.html", context)


def _waterfall_context(request: HttpRequest, heads: list[Head]) -> dict[str, Any]:
    """The rows, what is worth jumping to, and which steps take longest."""
    chosen = request.GET.get("span", "").partition(".")[0]
    noise = request.GET.get("noise") == "1" or any(head.noise and head.id == chosen for head in heads)
    tree = spans.tree(heads, noise=noise)
    lines = tree.lines
    return {
        "rows": waterfall_rows(lines),
        "blank_row": blank_row(),
        "row_data": row_data(lines),
        "row_count": len(lines),
        "left_out": max(len(lines) - MOST_DRAWN, 0),
        "ticks": [tree.layout.duration_ns * part // AXIS_PARTS for part in range(AXIS_PARTS + 1)],
        "layout": tree.layout,
        "kinds": sorted({line.span.kind for line in lines} | {"other"}),
        "first_error": next((line.row.id for line in lines if line.span.status == "error"), ""),
        "has_slow": any(line.row.slow for line in lines),
        "orphans": sum(line.row.orphan for line in lines),
        "noise": noise,
        "noise_count": sum(head.noise for head in heads) if noise else tree.folded,
        "slowest": steps.by_name(_named(lines), most=MOST_NAMES),
    }


def _named(lines: list[Line]) -> Iterator[tuple[Row, str, str, str, int]]:
    return ((row, span.name, span.kind, span.status, span.duration_ns) for span, row in lines)


def _selected(request: HttpRequest, project: Project, trace: Trace, span_id: str) -> dict[str, Any]:
    """The panel of the span that the address names; an unknown one leaves it closed."""
    try:
        return _span_context(request, project, trace, access.span(trace, span_id.partition(".")[0]))
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
    """The panel of one span; with `?alone=1` to be read on another page: it neither closes nor takes scores."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    trace = access.trace(found, trace_id)
    context = _span_context(request, found, trace, access.span(trace, span_id))
    if request.GET.get("alone") == "1":
        context["alone"] = True
        context["of_span"]["may_score"] = False
    return render(request, "metrics/_span.html", context)


def _span_context(request: HttpRequest, project: Project, trace: Trace, of: Span) -> dict[str, Any]:
    detail = details.of_span(trace, of)
    exceptions = [event for event in detail.events if event["name"] == "exception"]
    stacks = [event["attributes"].get("exception.stacktrace") for event in exceptions]
    return _trace_context(project, trace) | {
        "span": of,
        "span_hex": bytes(of.span_id).hex(),
        "offset_ns": of.start_ns - trace.start_ns,
        "detail": detail,
        "said": _said(of, detail),
        "raw": {"input": detail.input, "output": detail.output},
        "stacks": [stack for stack in stacks if isinstance(stack, str)],
        "events": [event for event in detail.events if event["name"] != "exception"],
        "logs": spans.logs_of(of),
        "signs": signs_of(flags.of_span(of), lambda: {"input": detail.input, "output": detail.output}),
        "priced": _priced(of, detail),
        "of_span": scores_context(request, project, trace, bytes(of.span_id)),
    }


def _said(of: Span, detail: details.Detail) -> SpanContent:
    """What went in and came out. What comes out of a tool is the tool's, though Strands calls it a model's choice."""
    came_out = messages(detail.output)
    if of.kind == "tool":
        came_out = [replace(one, role="tool") if one.role == "assistant" else one for one in came_out]
    return SpanContent(messages(detail.input), came_out)


def _priced(of: Span, detail: details.Detail) -> list[prices_shown.Line]:
    """The tokens of a span by their price, where the cost that is shown was computed from them."""
    if of.cost_nanos is None or of.cost_source not in {"computed", "unpriced"}:
        return []
    used = Usage(of.input_tokens, of.output_tokens, of.cache_read_tokens, of.cache_write_tokens, of.reasoning_tokens)
    call = prices_shown.Call(of.kind, of.provider, of.model, of.start_ns, used, detail.attributes, detail.resource)
    return prices_shown.lines(call, of.cost_nanos)


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
    tree = spans.tree(spans.heads(trace), noise=False)
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
