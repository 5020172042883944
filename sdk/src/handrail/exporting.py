"""The part of tracing that needs the OpenTelemetry SDK; imported only by `provider.configure_tracing`."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence

from opentelemetry import baggage
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from handrail.spool import Courier, Spool
from handrail.tracing import SESSION, USER, acting_agent
from handrail.wire import Request, Server

# The conventions have a name of their own for the session of an agent.
_FROM_BAGGAGE = {SESSION: (SESSION, "gen_ai.conversation.id"), USER: (USER,)}


class Stamp(SpanProcessor):
    """Puts the agent, and the session and user in the baggage, on every span as it starts.

    A span may say otherwise, at once or later.
    """

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._attributes = dict(attributes)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        stamps = {**self._attributes, **acting_agent(parent_context)}
        for carried, names in _FROM_BAGGAGE.items():
            value = baggage.get_baggage(carried, parent_context)
            if value:
                stamps.update(dict.fromkeys(names, str(value)))
        said = span.attributes or {}
        span.set_attributes({name: value for name, value in stamps.items() if name not in said})

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing to do: the attributes are on the span already."""


class SpoolingExporter(SpanExporter):
    """Sends spans, and keeps on disk what cannot be sent for now. Spans that arrive twice count once."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
        body = gzip.compress(encode_spans(spans).SerializeToString(), compresslevel=5)
        self._courier.deliver(Request("POST", "/v1/traces", headers, body, timeout_seconds=10.0))
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._courier.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        self._courier.close()


def provider_for(
    server: Server,
    resource: Mapping[str, str],
    stamps: Mapping[str, str],
    id_generator: IdGenerator | None,
    spool: Spool | None,
) -> TracerProvider:
    """A provider whose spans carry `stamps` and go to the server's OTLP address, by way of the spool if there is one.

    stamps: of the agent; inside `observe_agent` that agent's own count.
    """
    provider = TracerProvider(resource=Resource.create(dict(resource)), id_generator=id_generator)
    provider.add_span_processor(Stamp(stamps))
    exporter: SpanExporter
    if spool is not None:
        exporter = SpoolingExporter(Courier(server, spool))
    else:
        exporter = OTLPSpanExporter(
            endpoint=f"{server.url}/v1/traces",
            headers={"Authorization": f"Bearer {server.key}"},
            compression=Compression.Gzip,
        )
    # The SDK's own five seconds are too long for somebody who is looking at the dashboard.
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return provider
