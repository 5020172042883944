"""A line as a row of a table: what CSV and Parquet have in common. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["text", "json", "list", "number", "whole", "flag", "time"]


@dataclass(frozen=True)
class Column:
    """One column: its name, what it holds, and where a line has it."""

    name: str
    kind: Kind
    read: Callable[[Mapping[str, Any]], Any]


def _of(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda line: line.get(name)


def _in(outer: str, inner: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda line: (line.get(outer) or {}).get(inner)


def _json_of(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda line: None if line.get(name) is None else written(line[name])


def _time_of(name: str) -> Callable[[Mapping[str, Any]], Any]:
    return lambda line: line.get(name) and datetime.fromisoformat(line[name])


def _named(kind: Kind, *names: str) -> list[Column]:
    read = {"json": _json_of, "time": _time_of}.get(kind, _of)
    return [Column(name, kind, read(name)) for name in names]


def written(value: Any) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


COLUMNS = (
    *_named("text", "id"),
    *_named("whole", "revision"),
    *_named("text", "split"),
    *_named("text", "approval_id", "action", "verdict"),
    *_named("json", "proposed_arguments", "final_arguments", "diff"),
    *_named("text", "reason", "message"),
    *_named("list", "labels"),
    *_named("text", "summary"),
    *_named("json", "context", "messages"),
    Column("agent", "text", _in("agent", "name")),
    Column("agent_version", "text", _in("agent", "version")),
    *_named("list", "models"),
    *_named("text", "session_id", "trace_id", "span_id", "suggestion"),
    *_named("number", "confidence"),
    Column("risk_level", "text", _in("risk", "level")),
    Column("risk_score", "number", _in("risk", "score")),
    Column("policy_version", "whole", _in("policy", "version")),
    Column("policy_rule", "text", _in("policy", "rule")),
    Column("reviewer", "text", _in("reviewer", "id")),
    Column("reviewer_role", "text", _in("reviewer", "role")),
    Column("outcome_status", "text", _in("outcome", "status")),
    *_named("json", "outcome"),
    *_named("json", "scores"),
    *_named("text", "cost_usd"),
    *_named("time", "requested_at", "decided_at"),
    *_named("whole", "copies"),
    *_named("flag", "contested"),
)
"""`cost_usd` is text with an exact decimal number. JSON is text: no two actions have the same arguments."""
