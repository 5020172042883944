"""The actions of a request and what was decided on each, as JSON: the API and webhooks say it alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from console.lib.clock import rfc3339
from reviews import quorum, states
from reviews.models import Approval, ApprovalItem, Decision, Receipt
from reviews.quorum import GRANTING

Standing = quorum.Standing[ApprovalItem, Decision]

EFFECTS = {
    states.Status.APPROVED: "allow",
    states.Status.ANSWERED: "answer",
    states.Status.REJECTED: "deny",
    states.Status.EXPIRED: "deny",
    states.Status.CANCELLED: "deny",
    states.Status.MIXED: "mixed",
}
"""What the agent is to do with its action, in one word, whatever statuses are added; `mixed`: look at each item."""


def items_of(approval: Approval, standings: Iterable[Standing], receipts: Iterable[Receipt]) -> list[dict[str, Any]]:
    """The actions in order. Of one that waits for more people `approvals` says how many have agreed so far."""
    signed = {receipt.item_id: receipt for receipt in receipts}
    return [_item(approval, one, signed.get(one.item.pk)) for one in standings]


def decision_of(
    approval: Approval, standings: Sequence[Standing], items: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """What was decided on a request, null while it waits and when nobody decided; of a batch what it adds up to.

    `items` are those of `items_of`: the decision on the only one is that on the request.
    """
    if approval.status not in states.DECIDED:
        return None
    if len(items) == 1:
        only: dict[str, Any] | None = items[0]["decision"]
        return only
    return _verdict(
        approval.verdict,
        reviewers=_reviewers(vote for one in standings for vote in one.agreeing),
        decided_by=approval.decided_by_label,
        decided_at=rfc3339(approval.closed_at) if approval.closed_at else None,
    )


def final_arguments(item: ApprovalItem, decision: Decision | None) -> Any:
    """What the agent is to run with: as proposed when approved, as changed when edited, else null."""
    return None if decision is None else _granted(item, decision.verdict, decision.arguments)


def _granted(item: ApprovalItem, verdict: str, edited: Any) -> Any:
    if verdict not in GRANTING:
        return None
    return edited if verdict == states.Verdict.EDIT else item.arguments


def effect_of(approval: Approval, items: Sequence[Mapping[str, Any]]) -> str | None:
    """What the agent is to do, null while it waits. A batch that ended half decided lets be done what is signed."""
    granted = {"allow", "answer"} & {item["effect"] for item in items}
    mixed = approval.status == states.Status.EXPIRED and granted
    return "mixed" if mixed else EFFECTS.get(states.Status(approval.status))


def _effect(approval: Approval, status: states.Status) -> str | None:
    """As `effect_of`, for an item: nothing may be done before its request has closed, nor once it is taken back."""
    if approval.status == states.Status.CANCELLED:
        return EFFECTS[states.Status.CANCELLED]
    return None if approval.is_waiting else EFFECTS.get(status)


def _item(approval: Approval, standing: Standing, receipt: Receipt | None) -> dict[str, Any]:
    item = standing.item
    told = not approval.is_waiting or not approval.undo_seconds or _by_rule(standing)
    status = states.Status(standing.status if told else states.Status.PENDING)
    if status is states.Status.PENDING and not approval.is_waiting:
        status = states.Status(approval.status)  # It closed without people, for all its items alike.
    return {
        "index": item.index,
        "action": item.action,
        "arguments": item.arguments,
        "description": item.description,
        "arguments_schema": item.arguments_schema,
        "allowed_decisions": item.allowed_decisions,
        "metadata": item.metadata,
        "status": status.value,
        "effect": _effect(approval, status),
        "approvals": standing.approvals if told else 0,
        "votes": [_vote(vote) for vote in standing.votes] if told else [],
        "decision": _decision(approval, standing, receipt) if status in states.DECIDED else None,
    }


def _by_rule(standing: Standing) -> bool:
    """Whether no person decided an item, so that nobody can take it back."""
    return standing.deciding is not None and standing.deciding.reviewer_id is None


def _decision(approval: Approval, standing: Standing, receipt: Receipt | None) -> dict[str, Any]:
    """The decision on one item; what happened by itself has a verdict, but neither reviewers nor words."""
    item, decision = standing.item, standing.deciding
    rest = {
        "receipt": receipt.token if receipt else None,
        "consumed_at": rfc3339(receipt.consumed_at) if receipt and receipt.consumed_at else None,
    }
    if decision is None:
        return _verdict(
            approval.verdict,
            arguments=_granted(item, approval.verdict, None),
            decided_by=approval.decided_by_label,
            decided_at=rfc3339(approval.closed_at) if approval.closed_at else None,
            **rest,
        )
    names = dict.fromkeys(vote.reviewer_name for vote in standing.agreeing)
    return _verdict(
        decision.verdict,
        arguments=final_arguments(item, decision),
        reason=decision.reason,
        message=decision.message,
        labels=decision.labels,
        reviewers=_reviewers(standing.agreeing),
        decided_by=", ".join(names),
        decided_at=rfc3339(decision.decided_at),
        **rest,
    )


def _verdict(verdict: str, **values: Any) -> dict[str, Any]:
    """A decision with every field that decisions have, in the order of the contract."""
    empty: dict[str, Any] = {
        "arguments": None,
        "reason": "",
        "message": "",
        "labels": [],
        "reviewers": [],
        "decided_by": "",
        "decided_at": None,
        "receipt": None,
        "consumed_at": None,
    }
    return {"verdict": verdict, **empty, **values}


def _vote(vote: Decision) -> dict[str, Any]:
    """One person's verdict. Of an edit also what it would run with: whoever is to agree has to know to what."""
    said = {"name": vote.reviewer_name, "verdict": vote.verdict, "at": rfc3339(vote.decided_at)}
    return {**said, "arguments": vote.arguments}


def _reviewers(votes: Iterable[Decision]) -> list[dict[str, str]]:
    return [
        {"name": vote.reviewer_name, "verdict": vote.verdict, "at": rfc3339(vote.decided_at)}
        for vote in votes
        if vote.reviewer_id is not None
    ]
