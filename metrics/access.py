"""The only way a trace or a span reaches a view: it is returned, or 404 is raised, also when another project has it."""

import binascii

from django.http import Http404

from agents.models import Project
from metrics.models import Span, Trace
from metrics.selectors import spans, traces

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8


def trace(project: Project, trace_id: str) -> Trace:
    """The trace of `project` with this id in hex. Raises Http404."""
    found = trace_or_none(project, trace_id)
    if found is None:
        raise Http404
    return found


def trace_or_none(project: Project, trace_id: str) -> Trace | None:
    """Like `trace`, for places where a trace may still be on its way. Raises Http404 for what is no trace id."""
    return traces.find(project.pk, raw_id(trace_id, TRACE_ID_BYTES))


def span(of: Trace, span_id: str) -> Span:
    """A span of a trace, whole, by its id in hex. Raises Http404."""
    found = spans.one(of, raw_id(span_id, SPAN_ID_BYTES))
    if found is None:
        raise Http404
    return found


def raw_id(text: str, length: int) -> bytes:
    """The bytes of an id in hex. Raises Http404 when it is none of `length` bytes."""
    try:
        raw = binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise Http404 from None
    if len(raw) != length:
        raise Http404
    return raw
