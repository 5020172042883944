"""A labelled example: what an agent proposed, and what a person made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handrail.approvals import JsonObject, parse_time, strings
from handrail.errors import HandrailError


@dataclass(frozen=True, slots=True)
class FeedbackExample:
    """One line of the feedback stream.

    cursor: store it once the example is safely handled, and pass it to `feedback(cursor=...)` to go on from there.
    revision: grows when an outcome, a correction or (with include="scores") a score arrives later; the highest one of
    an id counts. scores: what people gave the trace and its spans by then.
    final_arguments: None when the action was not allowed. raw: the whole line.
    """

    id: str
    revision: int
    cursor: str
    approval_id: str
    action: str
    verdict: str
    proposed_arguments: JsonObject
    final_arguments: JsonObject | None
    reason: str = ""
    labels: tuple[str, ...] = ()
    context: JsonObject = field(default_factory=dict)
    diff: Any = None
    session_id: str = ""
    trace_id: str = ""
    confidence: float | None = None
    suggestion: str = ""
    requested_at: datetime | None = None
    decided_at: datetime | None = None
    outcome: JsonObject | None = None
    scores: tuple[JsonObject, ...] = ()
    raw: JsonObject = field(default_factory=dict, repr=False, compare=False)


def parse_example(data: object) -> FeedbackExample:
    """Read one decoded line. Raises HandrailError when it is not an example."""
    if not isinstance(data, Mapping) or "approval_id" not in data:
        raise HandrailError("A line of the feedback stream is not an example")

    def text(name: str) -> str:
        value = data.get(name)
        return "" if value is None else str(value)

    confidence, final, outcome = data.get("confidence"), data.get("final_arguments"), data.get("outcome")
    proposed, context, revision = data.get("proposed_arguments"), data.get("context"), data.get("revision")
    scores = data.get("scores")
    return FeedbackExample(
        id=text("id"),
        revision=revision if isinstance(revision, int) else 1,
        cursor=text("cursor"),
        approval_id=text("approval_id"),
        action=text("action"),
        verdict=text("verdict"),
        proposed_arguments=proposed if isinstance(proposed, Mapping) else {},
        final_arguments=final if isinstance(final, Mapping) else None,
        reason=text("reason"),
        labels=strings(data.get("labels")),
        context=context if isinstance(context, Mapping) else {},
        diff=data.get("diff"),
        session_id=text("session_id"),
        trace_id=text("trace_id"),
        confidence=float(confidence) if isinstance(confidence, int | float) else None,
        suggestion=text("suggestion"),
        requested_at=parse_time(data.get("requested_at")),
        decided_at=parse_time(data.get("decided_at")),
        outcome=outcome if isinstance(outcome, Mapping) else None,
        scores=tuple(each for each in scores if isinstance(each, Mapping)) if isinstance(scores, list) else (),
        raw=data,
    )
