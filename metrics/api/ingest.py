"""`POST /api/v1/events`: spans, metric points and heartbeats of agents without OpenTelemetry."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.permissions import Scope
from console.lib import clock
from console.lib.http import Problem
from metrics.ingest import events, pipeline
from metrics.times import to_ns

BODY_BYTES = 8 * 1024 * 1024
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"

EXAMPLE = OpenApiExample(
    "A model call, a figure and a heartbeat",
    value={
        "spans": [
            {
                "trace_id": TRACE_ID,
                "span_id": "b7ad6b7169203331",
                "parent_span_id": None,
                "name": "chat gpt-4o-mini",
                "kind": "llm",
                "start": "2026-11-21T10:00:00.000Z",
                "end": "2026-11-21T10:00:01.250Z",
                "model": "gpt-4o-mini",
                "provider": "openai",
                "agent": "support",
                "session_id": "conversation-17",
                "input_tokens": 120,
                "output_tokens": 30,
                "input": [{"role": "user", "content": "Where is my order?"}],
                "output": [{"role": "assistant", "content": "On its way."}],
            }
        ],
        "metrics": [{"name": "queue.depth", "value": 3, "time": "2026-11-21T10:00:00Z", "tags": {"queue": "mail"}}],
        "heartbeats": [{"agent": "support", "status": "ok", "components": {"crm": "ok"}, "circuit_breakers": {}}],
    },
    request_only=True,
)


class EventsView(ApiView):
    """Takes a batch, all of it or nothing. Sending the same spans again changes nothing."""

    scopes: ClassVar[dict[str, Scope]] = {"POST": Scope.TELEMETRY_WRITE}
    body_limit: ClassVar[int] = BODY_BYTES

    @extend_schema(
        operation_id="events_create",
        summary="Send spans, metric points and heartbeats as plain JSON",
        request=OpenApiTypes.OBJECT,
        responses={200: OpenApiTypes.OBJECT},
        examples=[EXAMPLE],
    )
    @idempotent
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        now = clock.now()
        window = pipeline.accepted_window(now, self.project.retention_days)
        try:
            batch = events.parse(request.data, now_ns=to_ns(now), window=window)
            pipeline.store_events(self.project.pk, batch, now, window=window)
        except events.Invalid as invalid:
            raise Problem(422, str(invalid), title="Invalid input", errors=invalid.errors) from invalid
        counts = {"spans": len(batch.spans), "metrics": len(batch.points), "heartbeats": len(batch.heartbeats)}
        return Response({"accepted": counts})
