"""Data cleanup: finds what should not be kept, and deletes or masks it when a person agrees."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from fleet.desk import Ruling, Ticket
from fleet.llm import GEMINI_FLASH, GEMINI_PRO
from fleet.session import Card, Session, ToolFailed, Turn

CARD = Card(
    name="cleanup-agent",
    version="0.9.4",
    service="data-stewardship",
    instructions=(
        "You keep the warehouse tidy and lawful. Find data past its retention, say how many rows and how sensitive. "
        "Deleting needs approval. When deletion is refused, propose masking. Never touch tables under legal hold."
    ),
)


@dataclass(frozen=True)
class Finding:
    """Data that is past its time. classification: public, internal or confidential."""

    table: str
    what: str
    classification: str
    older_than_days: int


FINDINGS = (
    Finding("crm.leads_2023", "leads without consent", "confidential", 730),
    Finding("hr.applicants", "rejected applicants", "confidential", 180),
    Finding("web.sessions_raw", "raw session logs", "internal", 90),
    Finding("support.attachments", "attachments of closed tickets", "confidential", 365),
    Finding("analytics.events_tmp", "temporary event copies", "internal", 14),
    Finding("docs.search_cache", "cached public pages", "public", 30),
)
DELETE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "table": {"type": "string"},
        "older_than_days": {"type": "integer", "minimum": 1},
        "max_rows": {"type": "integer", "minimum": 1, "maximum": 5_000_000},
        "backup_first": {"type": "boolean"},
    },
    "required": ["table", "older_than_days", "max_rows", "backup_first"],
    "additionalProperties": False,
}


async def purge(session: Session) -> None:
    """A deletion that a person decides on: done as approved or edited, masked instead when rejected."""
    finding = session.rng.choice(FINDINGS)
    rows = session.rng.randint(4_000, 2_400_000)
    async with session.turn(f"Retention review of {finding.table}", ["retention", finding.classification]) as turn:
        await turn.use(GEMINI_FLASH, "scan_table", {"table": finding.table}, {"rows": rows, "what": finding.what},
                       seconds=2.2)  # fmt: skip
        await turn.retrieve("retention-rules", finding.what, [f"{finding.what}: keep {finding.older_than_days} days."])
        ticket = await _ask(turn, finding, rows)
    ruling = await ticket.ruling()
    async with session.turn(tags=["retention", finding.classification]) as turn:
        if ruling.kind == "approved":
            await _delete(turn, finding, ticket, ruling)
        elif ruling.kind == "rejected":
            turn.note({"rejected": ruling.text})
            mask = {"table": finding.table, "columns": ["name", "email"]}
            await turn.use(GEMINI_FLASH, "mask_columns", mask, {"masked_rows": rows}, seconds=4.0)
            await turn.reply(GEMINI_FLASH, f"Nothing was deleted from {finding.table}; names and addresses are masked.")
        elif ruling.kind == "answered":
            turn.note({"reviewer": ruling.text})
            await turn.reply(GEMINI_FLASH, f"Noted for {finding.table}: {ruling.text}")
        else:
            turn.note({"expired": True})
            await turn.reply(GEMINI_FLASH, f"Sorry: nobody decided on {finding.table} in time. I ask again tomorrow.")


async def _ask(turn: Turn, finding: Finding, rows: int) -> Ticket:
    rng = turn.session.rng
    return await turn.ask(
        GEMINI_PRO,
        "delete_records",
        {
            "table": finding.table,
            "older_than_days": finding.older_than_days,
            "max_rows": rows,
            "backup_first": finding.classification != "public" and rng.random() < 0.5,
        },
        summary=f"Delete {rows:,} rows of {finding.table}",
        description=f"`{finding.table}` holds {rows:,} rows of **{finding.what}** older than "
        f"{finding.older_than_days} days, classified *{finding.classification}*.",
        context={
            "data_classification": finding.classification,
            "irreversible": True,
            "rows": rows,
            "rule": f"keep {finding.older_than_days} days",
            "legal_hold": False,
            "sample": [{"id": rng.randint(1, 10**6), "age_days": finding.older_than_days + 31} for _ in range(3)],
        },
        arguments_schema=DELETE_SCHEMA,
        allowed_decisions=["approve", "edit", "reject", "respond"],
        confidence=round(rng.uniform(0.55, 0.99), 2),
        suggestion="approve",
        tags=["retention", finding.classification],
        timeout_seconds=rng.randint(420, 900),
    )


async def _delete(turn: Turn, finding: Finding, ticket: Ticket, ruling: Ruling) -> None:
    """Delete within the approved bounds, which may be narrower than what was asked."""
    allowed, desk = ruling.arguments, turn.session.desk
    fault = f"LockTimeout: {finding.table} is being loaded" if turn.session.rng.random() < 0.06 else ""
    if allowed["backup_first"]:
        await turn.perform("backup_table", {"table": allowed["table"]}, {"backup": "s3://backups/latest"}, seconds=2.5)
    done = {"deleted_rows": allowed["max_rows"], "older_than_days": allowed["older_than_days"]}
    try:
        await turn.perform("delete_records", allowed, done, seconds=3.5, fault=fault)
    except ToolFailed as failure:
        await desk.outcome(ticket, "failed", {"error": str(failure)})
        raise
    await desk.outcome(ticket, "succeeded", done)
    await turn.reply(GEMINI_FLASH, f"Deleted {allowed['max_rows']:,} rows of {allowed['table']}.")


async def survey(session: Session) -> None:
    """A table that needs nothing."""
    finding = session.rng.choice(FINDINGS)
    async with session.turn(f"Check the size of {finding.table}", ["survey"]) as turn:
        rows = session.rng.randint(100, 90_000)
        await turn.use(GEMINI_FLASH, "scan_table", {"table": finding.table}, {"rows": rows, "overdue": 0}, seconds=1.5)
        await turn.reply(GEMINI_FLASH, f"{finding.table} holds {rows:,} rows, all within their time.")


def user(rng: random.Random) -> str:
    """The steward a job runs for."""
    return f"steward-{rng.randint(1, 4)}"
