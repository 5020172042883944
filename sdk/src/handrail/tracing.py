"""OpenTelemetry for agents, where it is installed (extra `otel`); without it, nothing here gets in the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from handrail.errors import NotApproved, words_of

try:
    from opentelemetry import baggage as _baggage
    from opentelemetry import context as _context
    from opentelemetry import trace as _trace

    _AGENT = _context.create_key("handrail-agent")
except ImportError:
    _trace = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import TracerProvider as AnyTracerProvider

    from handrail.options import OutcomeStatus


LONGEST_REPR = 1000
SESSION, USER = "session.id", "user.id"


class SafeSpan:
    """A span, or nothing at all where OpenTelemetry is missing.

    No method raises: the work has been done, and trouble with its span must not be taken for a failure of the work.
    """

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def set(self, name: str, value: object) -> None:
        """Set an attribute; what is not a plain value is written as JSON, or as its bounded repr where that fails."""
        if self._span is not None:
            plain = isinstance(value, str | bool | int | float) or _is_list_of_strings(value)
            self._span.set_attribute(name, value if plain else _written(value))

    def fail(self, error: Exception) -> None:
        """Mark the call as failed."""
        if self._span is None or _trace is None:
            return
        self.set("error.type", type(error).__qualname__)
        self._span.set_status(_trace.StatusCode.ERROR, words_of(error))
        # OpenTelemetry asks the exception for its words itself, and raises when it has none.
        with suppress(Exception):
            self._span.record_exception(error)


def _is_list_of_strings(value: object) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(each, str) for each in value)


def _written(value: object) -> str:
    # Broad, because both ways of writing may run code of the value's own class.
    try:
        return json.dumps(value, default=str)
    except Exception:
        try:
            return repr(value)[:LONGEST_REPR]
        except Exception:
            return f"<{type(value).__qualname__}>"


def current_span_ids() -> tuple[str | None, str | None]:
    """Trace id (32 hex) and span id (16 hex) of the current span, None where there is no span."""
    if _trace is None:
        return None, None
    context = _trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None, None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


@contextmanager
def span_of(
    name: str,
    attributes: Mapping[str, Any],
    tracer_provider: AnyTracerProvider | None = None,
    *,
    remote: bool = False,
    current: bool = True,
    agent: Mapping[str, str | None] | None = None,
) -> Iterator[SafeSpan]:
    """A span; attributes that are None are left out. remote: the work is done by another process.

    current: whether spans that begin inside are its children, and work of `agent`, if one is given.
    An exception marks it as failed, except NotApproved: that a person said no is no fault of the work.
    """
    if _trace is None:
        yield SafeSpan()
        return
    tracer = _trace.get_tracer("handrail", tracer_provider=tracer_provider)
    kind = _trace.SpanKind.CLIENT if remote else _trace.SpanKind.INTERNAL
    span = tracer.start_span(name, kind=kind)
    handle = SafeSpan(span)
    for attribute, value in attributes.items():
        if value is not None:
            handle.set(attribute, value)
    try:
        with _inside(span, agent) if current else nullcontext():
            yield handle
    except NotApproved as denial:
        handle.set("handrail.approval.status", denial.approval.status)
        raise
    except Exception as error:
        handle.fail(error)
        raise
    finally:
        span.end()


@contextmanager
def _inside(span: Any, agent: Mapping[str, str | None] | None) -> Iterator[None]:
    inside = _trace.set_span_in_context(span)
    if agent is not None:
        inside = _context.set_value(_AGENT, said(agent), inside)
    token = _context.attach(inside)
    try:
        yield
    finally:
        _context.detach(token)


def acting_agent(context: Context | None = None) -> Mapping[str, str]:
    """The `gen_ai.agent.*` of the innermost `observe_agent` around the caller, none outside."""
    found = _context.get_value(_AGENT, context)
    return found if isinstance(found, Mapping) else {}


def tool_span(
    tool: str,
    arguments: Mapping[str, Any] | None,
    tracer_provider: AnyTracerProvider | None = None,
    *,
    current: bool = True,
) -> AbstractContextManager[SafeSpan]:
    """A span for one call of a tool, by the GenAI conventions. arguments: None to keep them out of it."""
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool,
        "gen_ai.tool.call.arguments": None if arguments is None else dict(arguments),
    }
    return span_of(f"execute_tool {tool}", attributes, tracer_provider, current=current)


@contextmanager
def conversation(session_id: str, user_id: str = "") -> Iterator[None]:
    """Say for whom the work inside is done: every span there, and every request for approval, belongs to the session.

    The two travel as OpenTelemetry baggage (`session.id`, `user.id`), so that services which are called know them too.
    Without OpenTelemetry nothing happens.
    """
    if _trace is None:
        yield
        return
    inside = _baggage.set_baggage(SESSION, session_id)
    if user_id:
        inside = _baggage.set_baggage(USER, user_id, inside)
    token = _context.attach(inside)
    try:
        yield
    finally:
        _context.detach(token)


def outcome_in_span(approval_id: str, status: OutcomeStatus, detail: Mapping[str, Any] | None = None) -> bool:
    """Say on the current span how an approved action went; False where there is no span that is recorded.

    Handrail reads it there and records it as the request's outcome, like `Handrail.record_outcome`, but without a call
    of its own: for agents that send spans anyway. The span's end is the moment of which it speaks.
    """
    if _trace is None or not _trace.get_current_span().is_recording():
        return False
    span = SafeSpan(_trace.get_current_span())
    span.set("handrail.approval.id", approval_id)
    span.set("handrail.outcome.status", status)
    if detail:
        span.set("handrail.outcome.detail", dict(detail))
    return True


def current_conversation() -> tuple[str | None, str | None]:
    """Session and user of the conversation that the caller works for, None where nobody said."""
    if _trace is None:
        return None, None
    session, user = _baggage.get_baggage(SESSION), _baggage.get_baggage(USER)
    return (str(session) if session else None), (str(user) if user else None)


def correlate_logs() -> None:
    """Give every log record `trace_id`, `span_id`, `session_id` and `user_id`, "" outside, for formats to name them.

    For instance `logging.basicConfig(format="%(levelname)s %(trace_id)s %(message)s")`. Doing it again changes nothing.
    """
    make = logging.getLogRecordFactory()
    if getattr(make, "correlates", False):
        return

    def correlated(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        trace_id, span_id = current_span_ids()
        session_id, user_id = current_conversation()
        record.trace_id, record.span_id = trace_id or "", span_id or ""
        record.session_id, record.user_id = session_id or "", user_id or ""
        return record

    correlated.correlates = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(correlated)


def said(attributes: Mapping[str, str | None]) -> dict[str, str]:
    """The attributes that have a value."""
    return {name: value for name, value in attributes.items() if value}
