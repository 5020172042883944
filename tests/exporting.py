"""A program that is instrumented with OpenTelemetry's own SDK and exporters."""

from grpc import Compression
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

HERE = Resource.create({"service.name": "exporting"})
CALL: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}


def send_all(endpoint: str, key: str, compression: Compression) -> None:
    """Sends a model call, a log record of it and a metric over gRPC, and returns once all are acknowledged."""
    headers = {"authorization": f"Bearer {key}"}
    spans = OTLPSpanExporter(endpoint=endpoint, headers=headers, insecure=True, compression=compression)
    logs = OTLPLogExporter(endpoint=endpoint, headers=headers, insecure=True, compression=compression)
    metrics = OTLPMetricExporter(endpoint=endpoint, headers=headers, insecure=True, compression=compression)
    tracing, logging = TracerProvider(resource=HERE), LoggerProvider(resource=HERE)
    tracing.add_span_processor(BatchSpanProcessor(spans))
    logging.add_log_record_processor(BatchLogRecordProcessor(logs))
    measuring = MeterProvider([PeriodicExportingMetricReader(metrics)], resource=HERE)
    with tracing.get_tracer("test").start_as_current_span("chat gpt-4o-mini", attributes=CALL):
        logging.get_logger("test").emit(LogRecord(body="thinking", severity_number=SeverityNumber.INFO))
        measuring.get_meter("test").create_counter("calls").add(1, {"model": "gpt-4o-mini"})
    for provider in (tracing, logging, measuring):
        assert provider.force_flush(20_000)
        provider.shutdown()
