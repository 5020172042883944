"""Traces and spans as the query API writes them (ARCHITECTURE.md, section 10). Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from console.lib.clock import rfc3339
from metrics.models import Log, Score, ScoreConfig, Session, Span, Trace
from metrics.selectors.annotation import ItemRow, QueueRow
from metrics.selectors.details import Detail
from metrics.times import NS_PER_MS, from_ns


def time_text(ns: int) -> str:
    """RFC 3339 in UTC."""
    return rfc3339(from_ns(ns))


def milliseconds(ns: int | None) -> float | None:
    """Milliseconds to the microsecond."""
    return None if ns is None else round(ns / NS_PER_MS, 3)


def usd(nanos: int | None) -> str | None:
    """Nano-dollars as a decimal string in dollars, exactly."""
    if nanos is None:
        return None
    return format(Decimal(nanos).scaleb(-9).normalize() + 0, "f")


def cost(nanos: int, unpriced: int) -> str | None:
    """A sum of costs in dollars; null when all there is to sum is unpriced, because unknown is not nothing."""
    return None if unpriced and not nanos else usd(nanos)


def hex_id(value: Any) -> str | None:
    """Raw id bytes as hex."""
    return bytes(value).hex() if value else None


def prompt(name: str, version: str) -> dict[str, str | None] | None:
    """The prompt template that was used, when one was named."""
    return {"name": name or None, "version": version or None} if name or version else None


def trace(row: Trace) -> dict[str, Any]:
    """The summary of a trace. `unpriced_spans` says how much of the cost is unknown rather than nothing."""
    return {
        "trace_id": hex_id(row.trace_id),
        "name": row.root_name,
        "start": time_text(row.start_ns),
        "duration_ms": milliseconds(row.duration_ns),
        "status": row.status,
        "error_count": row.error_count,
        "span_count": row.span_count,
        "agents": row.agents,
        "models": row.models,
        "session_id": row.session_id or None,
        "user_id": row.user_id or None,
        "environment": row.environment or None,
        "agent_version": row.agent_version or None,
        "prompt": prompt(row.prompt_name, row.prompt_version),
        "tags": row.tags,
        "metadata": row.metadata,
        **usage(row),
        "cost_usd": cost(row.cost_nanos, row.unpriced_count),
        "unpriced_spans": row.unpriced_count,
    }


def reported_cost(rows: Iterable[Span]) -> str | None:
    """What the senders of a trace's spans say that it cost, each usage once; null when none says anything."""
    said = [row.reported_cost_nanos for row in rows if row.usage_counted and row.reported_cost_nanos is not None]
    return usd(sum(said)) if said else None


def usage(row: Trace | Span) -> dict[str, int | None]:
    """Tokens: input includes cached ones, output those of reasoning; null where nobody reported them."""
    return {
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cache_read_tokens": row.cache_read_tokens,
        "cache_write_tokens": row.cache_write_tokens,
        "reasoning_tokens": row.reasoning_tokens,
    }


def _error(row: Span, detail: Detail) -> dict[str, str | None] | None:
    if not (row.status == "error" or row.error_type or row.error_message):
        return None
    return {"type": row.error_type or detail.error_type or None, "message": row.error_message or detail.error_message}


def span(row: Span, detail: Detail) -> dict[str, Any]:
    """A span with what it was given and gave back."""
    return {
        "span_id": hex_id(row.span_id),
        "parent_span_id": hex_id(row.parent_span_id),
        "name": row.name,
        "kind": row.kind,
        "start": time_text(row.start_ns),
        "duration_ms": milliseconds(row.duration_ns),
        "status": row.status,
        "error": _error(row, detail),
        "model": row.model or None,
        "provider": row.provider or None,
        "tool": row.tool or None,
        "agent": row.agent or None,
        "agent_stated": row.agent_stated,
        "agent_id": row.agent_id or None,
        "agent_version": row.agent_version or None,
        "session_id": row.session_id or None,
        "user_id": row.user_id or None,
        "prompt": prompt(row.prompt_name, row.prompt_version),
        **usage(row),
        "cost_usd": usd(row.cost_nanos),
        "cost_source": row.cost_source or None,
        "reported_cost_usd": usd(row.reported_cost_nanos),
        "price_version": row.price_version or None,
        "counted": row.usage_counted,
        "finish_reason": row.finish_reason or detail.finish_reason or None,
        "time_to_first_token_ms": milliseconds(row.ttft_ns),
        "streaming": row.streaming,
        "input": detail.input,
        "output": detail.output,
        "attributes": detail.attributes,
    }


def score(row: Score) -> dict[str, Any]:
    """A score of a trace, a span or a session."""
    return {
        "id": row.pk,
        "trace_id": hex_id(row.trace_id),
        "span_id": hex_id(row.span_id),
        "session_id": row.session_id or None,
        "name": row.name,
        "data_type": row.data_type or None,
        "value": row.value,
        "label": row.label or None,
        "comment": row.comment or None,
        "source": row.source,
        "author": row.author or None,
        "external_id": row.external_id,
        "metadata": row.metadata,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def score_config(row: ScoreConfig) -> dict[str, Any]:
    """What scores of a name must look like."""
    return {
        "id": row.pk,
        "name": row.name,
        "data_type": row.data_type,
        "min_value": row.min_value,
        "max_value": row.max_value,
        "categories": row.categories,
        "description": row.description,
        "archived": row.archived_at is not None,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
    }


def annotation_queue(row: QueueRow) -> dict[str, Any]:
    """An annotation queue and how far it is."""
    queue = row.queue
    return {
        "id": queue.pk,
        "name": queue.name,
        "description": queue.description,
        "scores": sorted(config.name for config in queue.configs.all()),
        "reviewers": queue.reviewers,
        "team": queue.team.slug if queue.team else None,
        "waiting": row.progress.waiting,
        "done": row.progress.done,
        "created_at": rfc3339(queue.created_at),
    }


def annotation_item(row: ItemRow) -> dict[str, Any]:
    """A trace or a span in an annotation queue."""
    item = row.item
    return {
        "id": item.pk,
        "trace_id": hex_id(item.trace_id),
        "span_id": hex_id(item.span_id),
        "state": item.state,
        "done_count": item.done_count,
        "reason": item.reason or None,
        "added_by": item.added_by or None,
        "assigned_to": item.assigned_to.display_name if item.assigned_to else None,
        "reviews": [{"name": one.user.display_name, "state": one.state, "at": rfc3339(one.at)} for one in row.reviews],
        "created_at": rfc3339(item.created_at),
        "done_at": rfc3339(item.done_at) if item.done_at else None,
    }


def log(
    row: Log, body: Any, attributes: dict[str, Any], resource: dict[str, Any], scope: dict[str, Any]
) -> dict[str, Any]:
    """A log record with its structured body."""
    return {
        "id": hex_id(row.id),
        "time": time_text(row.time_ns),
        "severity": row.severity,
        "severity_text": row.severity_text or None,
        "event_name": row.event_name or None,
        "trace_id": hex_id(row.trace_id),
        "span_id": hex_id(row.span_id),
        "service": row.service or None,
        "environment": row.environment or None,
        "text": row.body,
        "body": body,
        "attributes": attributes,
        "resource": resource,
        "scope": scope,
    }


def line(labels: Mapping[str, str], points: Sequence[tuple[datetime, float | int | None]]) -> dict[str, Any]:
    """A series: its labels and its values over time."""
    return {"labels": labels, "points": [[rfc3339(moment), value] for moment, value in points]}


def session(row: Session) -> dict[str, Any]:
    """The summary of a session."""
    return {
        "session_id": row.session_id,
        "start": time_text(row.first_ns),
        "last_activity": time_text(row.last_ns),
        "duration_ms": milliseconds(row.span_ns),
        "status": row.last_status,
        "trace_count": row.trace_count,
        "failed_trace_count": row.failed_count,
        "error_count": row.error_count,
        "last_trace_id": hex_id(row.last_trace_id),
        "last_trace_name": row.last_name,
        "user_id": row.user_id or None,
        "environment": row.environment or None,
        "agents": row.agents,
        "models": row.models,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cost_usd": cost(row.cost_nanos, row.unpriced_count),
        "unpriced_spans": row.unpriced_count,
    }
