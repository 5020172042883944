"""Spans for tests of the read side, sent through the real pipeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.models import Project
from metrics.ingest import pipeline
from metrics.ingest.rows import Batch, RawEvent, RawLog, RawSpan, Source

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
NS = 1_000_000_000


def ns(moment: datetime) -> int:
    """Nanoseconds since 1970."""
    return round(moment.timestamp() * 1_000_000) * 1_000


@dataclass
class Sending:
    """Builds spans of one project and stores them. Ids count up, so that every run makes the same ones."""

    project: Project
    now: datetime = NOW
    _count: int = field(default=0)

    def next_id(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")

    def span(
        self,
        name: str,
        *,
        trace: bytes | None = None,
        parent: bytes = b"",
        ago: float = 60.0,
        seconds: float = 1.0,
        attributes: Mapping[str, Any] | None = None,
        error: str = "",
        events: tuple[RawEvent, ...] = (),
        environment: str = "",
    ) -> RawSpan:
        """A span that began `ago` seconds before now."""
        start = ns(self.now - timedelta(seconds=ago))
        resource = {"deployment.environment.name": environment} if environment else {}
        return RawSpan(
            trace_id=trace or self.next_id(16),
            span_id=self.next_id(8),
            parent_span_id=parent,
            name=name,
            start_ns=start,
            end_ns=start + round(seconds * NS),
            remote_parent=False,
            status_code=2 if error else 0,
            status_message=error,
            attributes={"error.type": error, **(attributes or {})} if error else dict(attributes or {}),
            events=events,
            links=(),
            source=Source(resource=resource),
        )

    def call(
        self,
        parent: RawSpan | None = None,
        *,
        model: str = "gpt-4o-mini",
        tokens: tuple[int, int] = (1000, 100),
        **rest: Any,
    ) -> RawSpan:
        """A model call."""
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": tokens[0],
            "gen_ai.usage.output_tokens": tokens[1],
            **rest.pop("attributes", {}),
        }
        if parent is not None:
            rest = {"trace": parent.trace_id, "parent": parent.span_id, **rest}
        return self.span(f"chat {model}", attributes=attributes, **rest)

    def agent(self, name: str = "helper", **rest: Any) -> RawSpan:
        """The root span of an agent's run."""
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": name,
            **rest.pop("attributes", {}),
        }
        return self.span(f"invoke_agent {name}", attributes=attributes, **rest)

    def send(self, spans: Iterable[RawSpan]) -> None:
        """Stores spans as ingest does."""
        outcome = pipeline.store_spans(self.project.pk, Batch(rows=list(spans)), self.now)
        assert outcome.refused == 0, outcome.reason

    def log(self, span: RawSpan, *, body: Any, event_name: str = "", severity: int = 9, after: float = 0.1) -> None:
        """Stores one log record of a span."""
        time_ns = span.start_ns + round(after * NS)
        record = RawLog(time_ns, time_ns, span.trace_id, span.span_id, severity, "INFO", event_name, body, {}, Source())
        outcome = pipeline.store_logs(self.project.pk, Batch(rows=[record]), self.now)
        assert outcome.refused == 0, outcome.reason
