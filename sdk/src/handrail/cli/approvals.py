"""`handrail approvals`: look at requests and decide on them, as the person whose token it is."""

from __future__ import annotations

import itertools
import json
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from handrail.approvals import Approval
from handrail.cli.tables import facts, jsonl, table
from handrail.client import Handrail

COLUMNS = ("id", "status", "risk", "action", "arguments", "agent", "expires")


def read_arguments(text: str) -> dict[str, Any]:
    """A JSON object, or `@file` with one."""
    try:
        found = json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise ArgumentTypeError(f"cannot read {text[1:]}: {error.strerror}") from None
    except ValueError as error:
        raise ArgumentTypeError(f"is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ArgumentTypeError("must be a JSON object")
    return found


def listing(client: Handrail, given: Namespace) -> None:
    """`handrail approvals list`."""
    names = ("status", "agent", "action", "session_id")
    filters = {name: getattr(given, name) for name in names if getattr(given, name)}
    found = itertools.islice(client.approvals(**filters), given.limit)
    if given.json:
        for each in found:
            print(jsonl(each.raw))
        return
    print(table(COLUMNS, [_row(each) for each in found]) or "Nothing here.")


def show(client: Handrail, given: Namespace) -> None:
    """`handrail approvals show`."""
    _print(client.get(given.id), given)


def approve(client: Handrail, given: Namespace) -> None:
    """`handrail approvals approve`; with other arguments it is an edit."""
    verdict: Any = "approve" if given.arguments is None else "edit"
    decided = client.decide(
        given.id, verdict, arguments=given.arguments, reason=given.reason, labels=given.label, item=given.item
    )
    _print(decided, given)


def reject(client: Handrail, given: Namespace) -> None:
    """`handrail approvals reject`."""
    _print(client.decide(given.id, "reject", reason=given.reason, labels=given.label, item=given.item), given)


def _row(approval: Approval) -> tuple[object, ...]:
    agent = approval.raw.get("agent") or {}
    risk = approval.risk.level if approval.risk else ""
    expires = f"{approval.expires_at:%Y-%m-%d %H:%M}Z" if approval.expires_at else ""
    return (
        approval.id,
        approval.status,
        risk,
        approval.action,
        dict(approval.arguments),
        agent.get("name", ""),
        expires,
    )


def _print(approval: Approval, given: Namespace) -> None:
    if given.json:
        print(jsonl(approval.raw))
        return
    decision = approval.decision
    several = approval.items if len(approval.items) > 1 else ()
    print(
        facts(
            {
                "id": approval.id,
                "status": approval.status,
                "action": approval.action,
                "summary": approval.raw.get("summary"),
                "arguments": json.dumps(approval.arguments, indent=2, ensure_ascii=False),
                "agent": (approval.raw.get("agent") or {}).get("name"),
                "session": approval.raw.get("session_id"),
                "trace": approval.raw.get("trace_id"),
                "risk": f"{approval.risk.level}: {approval.risk.explanation}" if approval.risk else None,
                "rule": approval.policy_rule,
                "requested": approval.raw.get("requested_at"),
                "expires": approval.raw.get("expires_at"),
                "verdict": decision.verdict if decision else None,
                "approved arguments": dict(decision.arguments) if decision and decision.arguments is not None else None,
                "reason": decision.reason if decision else None,
                "message": decision.message if decision else None,
                "reviewers": ", ".join(each.name for each in decision.reviewers) if decision else None,
                "outcome": approval.outcome,
                "url": approval.url,
            }
        )
    )
    if several:
        print(table(("item", "status", "action", "arguments"), [_item_row(each) for each in several]))


def _item_row(item: Any) -> tuple[object, ...]:
    return (item.index, item.status, item.action, dict(item.arguments))
