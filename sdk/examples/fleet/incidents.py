"""Incident response: reads alerts, and restarts, rolls back or fails over when a person agrees."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fleet.desk import Ruling, Ticket
from fleet.llm import CLAUDE_HAIKU, CLAUDE_SONNET
from fleet.session import Card, Session, ToolFailed, Turn

CARD = Card(
    name="incident-agent",
    version="1.8.1",
    service="incident-response",
    instructions=(
        "You are the on-call agent. Find the cause from metrics and logs before you act. Anything that touches "
        "production needs approval. Prefer the smallest step that helps. If a step is rejected, propose a smaller one."
    ),
)


@dataclass(frozen=True)
class Incident:
    """An alert, what the logs say, and what the agent would do about it. irreversible: it cannot be undone."""

    alert: str
    service: str
    finding: str
    action: str
    arguments: Mapping[str, Any]
    irreversible: bool
    severity: str


INCIDENTS = (
    Incident("checkout: p99 latency 4.8 s for 10 minutes", "checkout", "Connection pool exhausted since 12:04; 3 of 8 "
             "pods hold leaked connections", "restart_service", {"service": "checkout", "replicas": 8, "rolling": True},
             False, "sev2"),
    Incident("payments: error rate 11 % after deploy", "payments", "NullPointerException in TaxCalculator, first seen "
             "with release 2026.11.3", "rollback_deploy", {"service": "payments", "to_release": "2026.11.2"},
             True, "sev1"),
    Incident("orders-db: replication lag 940 s", "orders-db", "Primary's disk throughput is throttled; the replica in "
             "zone B is healthy but behind", "failover_database", {"cluster": "orders-db", "promote": "replica-b",
             "accept_data_loss_seconds": 40}, True, "sev1"),
    Incident("search: memory at 96 %", "search", "Heap grows by 2 % an hour since the index rebuild", "restart_service",
             {"service": "search", "replicas": 3, "rolling": True}, False, "sev3"),
    Incident("mail-queue: 48,000 messages waiting", "mail-queue", "One poison message blocks the partition",
             "purge_queue", {"queue": "mail", "older_than_minutes": 90}, True, "sev2"),
)  # fmt: skip
SCHEMAS: dict[str, dict[str, Any]] = {
    "restart_service": {
        "service": {"type": "string"},
        "replicas": {"type": "integer", "minimum": 1},
        "rolling": {"type": "boolean"},
    },
    "rollback_deploy": {"service": {"type": "string"}, "to_release": {"type": "string"}},
    "failover_database": {
        "cluster": {"type": "string"},
        "promote": {"type": "string"},
        "accept_data_loss_seconds": {"type": "integer", "minimum": 0},
    },
    "purge_queue": {"queue": {"type": "string"}, "older_than_minutes": {"type": "integer", "minimum": 1}},
}


async def incident(session: Session) -> None:
    """An alert that needs a step in production: taken as approved or edited, or handed to a person."""
    case = session.rng.choice(INCIDENTS)
    async with session.turn(f"ALERT [{case.severity}] {case.alert}", ["incident", case.severity]) as turn:
        metrics = {"service": case.service, "window_minutes": 30}
        await turn.use(CLAUDE_HAIKU, "query_metrics", metrics, {"anomaly": case.alert}, seconds=0.8)
        await turn.use(CLAUDE_SONNET, "search_logs", metrics, {"finding": case.finding}, seconds=1.6)
        await turn.retrieve("runbooks", case.alert, [f"Runbook {case.action}: confirm the cause, act, watch."])
        ticket = await _ask(turn, case)
    ruling = await ticket.ruling()
    async with session.turn(tags=["incident", case.severity]) as turn:
        if ruling.kind == "approved":
            await _act(turn, case, ticket, ruling)
        elif ruling.kind == "rejected":
            turn.note({"rejected": ruling.text})
            scale = {"service": case.service, "extra_replicas": 2}
            await turn.use(CLAUDE_SONNET, "scale_out", scale, {"replicas_added": 2}, seconds=2.0)
            await turn.reply(CLAUDE_SONNET, f"{case.action} was rejected. I added two replicas and keep watching.")
        else:
            turn.note({"expired": True})
            await turn.use(CLAUDE_HAIKU, "page_on_call", {"person": session.user}, {"paged": True})
            await turn.reply(CLAUDE_HAIKU, "Sorry: nobody decided in time. I did nothing and paged the person on call.")


async def _ask(turn: Turn, case: Incident) -> Ticket:
    rng = turn.session.rng
    confidence = round(rng.uniform(0.5, 0.98), 2)
    return await turn.ask(
        CLAUDE_SONNET,
        case.action,
        case.arguments,
        summary=f"{case.action.replace('_', ' ').capitalize()}: {case.alert}",
        description=f"**{case.alert}**\n\nLikely cause: {case.finding}.\n\n"
        + ("This cannot be undone." if case.irreversible else "This can be undone."),
        context={
            "irreversible": case.irreversible,
            "severity": case.severity,
            "finding": case.finding,
            "affected_users": rng.randint(40, 9000),
            "on_call": turn.session.user,
        },
        arguments_schema={
            "type": "object",
            "properties": SCHEMAS[case.action],
            "required": list(SCHEMAS[case.action]),
            "additionalProperties": False,
        },
        allowed_decisions=["approve", "edit", "reject"],
        confidence=confidence,
        suggestion="approve" if confidence > 0.65 else "reject",
        priority="urgent" if case.severity == "sev1" else "high",
        tags=["incident", case.severity],
        timeout_seconds=rng.randint(300, 600),
    )


async def _act(turn: Turn, case: Incident, ticket: Ticket, ruling: Ruling) -> None:
    """Take the approved step, look whether it helped, and say so."""
    desk = turn.session.desk
    luck = turn.session.rng.random()
    fault = "TimeoutError: rollout did not become ready in 300 s" if luck < 0.07 else ""
    try:
        await turn.perform(case.action, ruling.arguments, {"done": True}, seconds=3.0, fault=fault)
    except ToolFailed as failure:
        await desk.outcome(ticket, "failed", {"error": str(failure)})
        raise
    recovered = luck > 0.14
    await turn.use(CLAUDE_HAIKU, "query_metrics", {"service": case.service}, {"recovered": recovered}, seconds=0.8)
    if recovered:
        await desk.outcome(ticket, "succeeded", {"recovered": True})
        await turn.reply(CLAUDE_HAIKU, f"{case.service} has recovered after {case.action}.")
        return
    await turn.use(CLAUDE_SONNET, "undo", {"action": case.action}, {"undone": not case.irreversible}, seconds=2.0)
    await desk.outcome(ticket, "reverted", {"recovered": False, "undone": not case.irreversible})
    await turn.reply(CLAUDE_SONNET, f"{case.action} did not help {case.service}. I took it back and paged a person.")


async def patrol(session: Session) -> None:
    """A look around that finds nothing."""
    case = session.rng.choice(INCIDENTS)
    async with session.turn(f"Scheduled check of {case.service}", ["patrol"]) as turn:
        found = {"anomaly": None, "p99_ms": session.rng.randint(80, 420)}
        await turn.use(CLAUDE_HAIKU, "query_metrics", {"service": case.service}, found)
        await turn.reply(CLAUDE_HAIKU, f"{case.service} looks healthy.")


def user(rng: random.Random) -> str:
    """Who is on call."""
    return f"oncall-{rng.choice(['amira', 'jonas', 'mei', 'tomas'])}"
