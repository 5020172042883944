"""Nothing is acknowledged that would be forgotten within the hour."""

from datetime import datetime

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agents.models import Project
from metrics.models import Span
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender

DAY_NS = 86_400 * 10**9


def test_spans_older_than_the_project_keeps_are_refused_with_the_reason(sender: Sender, at_recording: datetime) -> None:
    Project.objects.filter(pk=sender.project.pk).update(retention_days=7)
    old = payloads.span(1, start_ns=payloads.NOW_NS - 8 * DAY_NS)
    reply = sender.post("/v1/traces", payloads.traces([old, payloads.span(2)]))
    partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert (reply.status, partial.rejected_spans) == (200, 1)
    assert "too old" in partial.error_message
    assert Span.objects.filter(project_id=sender.project.pk).count() == 1
