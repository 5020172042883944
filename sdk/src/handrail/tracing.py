"""OpenTelemetry for agents, where it is installed (extra `otel`); without it, nothing here gets in the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from handrail import wire
from handrail.errors import HandrailError, NotApproved, words_of

try:
    from opentelemetry import trace as _trace
except ImportError:
    _trace = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import TracerProvider as AnyTracerProvider


LONGEST_REPR = 1000


class ToolSpan:
    """The span of one call of a tool, or nothing at all where OpenTelemetry is missing.

    No method raises: the tool has run, and its caller must not take trouble with the span for a failure of the tool.
    """

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def set(self, name: str, value: object) -> None:
        """Set an attribute; what is not a plain value is written as JSON, or as its bounded repr where that fails."""
        if self._span is not None:
            plain = isinstance(value, str | bool | int | float)
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
def tool_span(
    tool: str, arguments: Mapping[str, Any], tracer_provider: AnyTracerProvider | None = None
) -> Iterator[ToolSpan]:
    """A current span for one call of a tool, by the GenAI conventions.

    An exception marks it as failed, except NotApproved: that a person said no is no fault of the tool.
    """
    if _trace is None:
        yield ToolSpan()
        return
    tracer = _trace.get_tracer("handrail", tracer_provider=tracer_provider)
    with tracer.start_as_current_span(
        f"execute_tool {tool}", record_exception=False, set_status_on_exception=False
    ) as span:
        handle = ToolSpan(span)
        handle.set("gen_ai.operation.name", "execute_tool")
        handle.set("gen_ai.tool.name", tool)
        handle.set("gen_ai.tool.call.arguments", dict(arguments))
        try:
            yield handle
        except NotApproved as denial:
            handle.set("handrail.approval.status", denial.approval.status)
            raise
        except Exception as error:
            handle.fail(error)
            raise


def configure_tracing(
    service_name: str,
    *,
    agent_name: str | None = None,
    agent_version: str | None = None,
    environment: str | None = None,
    url: str | None = None,
    key: str | None = None,
    set_global: bool = True,
    id_generator: IdGenerator | None = None,
) -> TracerProvider:
    """Send every span of this process to Handrail, within a second of its end; returns the provider.

    agent_name, agent_version: put on every span that does not say otherwise (gen_ai.agent.*).
    environment: for instance "production". url, key: as for the clients.
    set_global: make it the process's own provider, which instrumentations use without being told. Several agents in
        one process each take a provider of their own instead, with set_global=False.
    id_generator: for traces whose ids must be the same each time.

    Call the provider's `shutdown()` before the process ends, or the last second may be lost.
    Raises HandrailError when the extra is not installed.
    """
    try:
        from handrail.exporting import provider_for
    except ImportError as error:
        raise HandrailError("configure_tracing needs the extra: pip install 'handrail[otel]'") from error
    resource = {"service.name": service_name, "deployment.environment.name": environment}
    stamps = {"gen_ai.agent.name": agent_name, "gen_ai.agent.version": agent_version}
    provider = provider_for(wire.locate(url, key), _said(resource), _said(stamps), id_generator)
    if set_global:
        _trace.set_tracer_provider(provider)
    return provider


def _said(attributes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}
