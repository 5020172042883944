"""The part of tracing that needs the OpenTelemetry SDK; imported only by `tracing.configure_tracing`."""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from handrail.wire import Server


class AgentStamp(SpanProcessor):
    """Puts the agent's name and version on every span as it starts; a span may say otherwise later."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._attributes = dict(attributes)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        said = span.attributes or {}
        span.set_attributes({name: value for name, value in self._attributes.items() if name not in said})

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do: the attributes are on the span already."""


def provider_for(
    server: Server, resource: Mapping[str, str], stamps: Mapping[str, str], id_generator: IdGenerator | None
) -> TracerProvider:
    """A provider whose spans carry `stamps` and go to the server's OTLP address."""
    provider = TracerProvider(resource=Resource.create(dict(resource)), id_generator=id_generator)
    provider.add_span_processor(AgentStamp(stamps))
    exporter = OTLPSpanExporter(
        endpoint=f"{server.url}/v1/traces",
        headers={"Authorization": f"Bearer {server.key}"},
        compression=Compression.Gzip,
    )
    # The SDK's own five seconds are too long for somebody who is looking at the dashboard.
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return provider
