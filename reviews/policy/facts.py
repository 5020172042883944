"""What conditions can know of a request, under the names that they use. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SATURDAY = 6
NO_FLAGS = {"injection": 0, "hallucination": 0, "pii": 0, "high": 0, "patterns": []}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One action that is asked for, with what the agent said about it. Texts that were not sent are empty.

    `flags` are what checks of its text found, as `metrics.checks.flag.Flag.document` tells it; `unchecked` says that
    they did not read all of it.
    """

    action: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None
    agent: str = ""
    agent_version: str = ""
    session_id: str = ""
    trace_id: str = ""
    end_user: str = ""
    flags: Sequence[Mapping[str, Any]] = ()
    unchecked: bool = False


def facts_of(subject: Subject, *, now: datetime) -> dict[str, Any]:
    """Every fact that the request itself tells; times are UTC, `weekday` counts from 1, Monday.

    Without `flags` where not all of the text was checked: whoever pads a text must not get rid of its flags, so a
    condition that asks for them cannot be judged, and people look.
    """
    weekday = now.isoweekday()
    flags = {} if subject.unchecked else {"flags": _flagged(subject.flags) if subject.flags else NO_FLAGS}
    return {
        "action": subject.action,
        "args": subject.arguments,
        "context": subject.context,
        "confidence": subject.confidence,
        "agent": {"name": subject.agent, "version": subject.agent_version},
        "session": {"id": subject.session_id},
        "end_user": subject.end_user,
        **flags,
        "time": {
            "now": now,
            "date": now.date().isoformat(),
            "hour": now.hour,
            "weekday": weekday,
            "weekend": weekday >= SATURDAY,
        },
    }


def _flagged(flags: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """How many flags there are of each kind and how many are grave, and which patterns they are of."""
    counted: dict[str, Any] = dict(NO_FLAGS)
    for flag in flags:
        counted[flag["kind"]] = counted.get(flag["kind"], 0) + 1
        counted["high"] += flag["severity"] == "high"
    return counted | {"patterns": sorted({flag["pattern"] for flag in flags})}
