"""What conditions can know of a request, under the names that they use. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SATURDAY = 6


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One action that is asked for, with what the agent said about it. Texts that were not sent are empty."""

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    agent: str = ""
    agent_version: str = ""
    session_id: str = ""
    trace_id: str = ""
    end_user: str = ""


def facts_of(subject: Subject, *, now: datetime) -> dict[str, Any]:
    """Every fact that the request itself tells; times are UTC, `weekday` counts from 1, Monday."""
    weekday = now.isoweekday()
    return {
        "action": subject.action,
        "args": subject.arguments,
        "context": subject.context,
        "confidence": subject.confidence,
        "agent": {"name": subject.agent, "version": subject.agent_version},
        "session": {"id": subject.session_id},
        "end_user": subject.end_user,
        "time": {
            "now": now,
            "date": now.date().isoformat(),
            "hour": now.hour,
            "weekday": weekday,
            "weekend": weekday >= SATURDAY,
        },
    }
