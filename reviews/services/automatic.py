"""What the policy decides by itself: the request is written as decided, with all that goes with a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reviews import quorum, states
from reviews.models import Approval, ApprovalEvent, ApprovalItem, Decision, Receipt
from reviews.policy.engine import Assessment
from reviews.policy.schema import Effect
from reviews.services import feedback, flow, receipts
from reviews.services.transitions import Line, add_events

POLICY = "policy"
"""Who decided, where a rule did."""

VERDICTS = {Effect.AUTO_APPROVE: states.Verdict.APPROVE, Effect.AUTO_REJECT: states.Verdict.REJECT}


@dataclass(frozen=True)
class Decided:
    """A request that rules decided, or of a batch some actions, and what was written of it."""

    approval: Approval
    decisions: list[Decision]
    events: list[ApprovalEvent]
    receipts: Sequence[Receipt] = ()


def settle(approval: Approval, assessment: Assessment, now: datetime) -> Approval:
    """Closes a request that is not saved yet, if a rule decides on it."""
    verdict = VERDICTS.get(assessment.effect)
    if verdict is not None:
        approval.status = states.target(states.Status.PENDING, states.Verb(verdict.value))
        approval.verdict = verdict
        approval.closed_at, approval.decided_by_label = now, POLICY
        approval.undo_seconds = 0  # Nobody is there to think again, to be reminded or to be asked next.
        approval.next_step_at = approval.remind_at = None
    return approval


def record(
    rows: Sequence[tuple[Approval, Sequence[ApprovalItem], Assessment]], *, now: datetime
) -> dict[object, Decided]:
    """Writes decisions, events, audit rows, examples and receipts of those that rules decided; by the request's id."""
    rows = [row for row in rows if row[2].effect in VERDICTS]
    if not rows:
        return {}
    made = {approval.pk: [_decision(item, assessment, now) for item in items] for approval, items, assessment in rows}
    Decision.objects.bulk_create(decision for decisions in made.values() for decision in decisions)
    standings = {approval.pk: quorum.standings(items, made[approval.pk], needed=1) for approval, items, _by in rows}
    approvals = [approval for approval, _items, _assessment in rows]
    signed = receipts.issue(decided=[(approval, standings[approval.pk]) for approval in approvals], now=now)
    lines = [
        Line(
            approval,
            None,
            {"verdict": approval.verdict, "reason": made[approval.pk][0].reason, "via": POLICY},
            POLICY,
            standings[approval.pk],
            signed[approval.pk],
        )
        for approval in approvals
    ]
    events = add_events(kind=ApprovalEvent.Kind.DECIDED, lines=lines, now=now)
    feedback.add_decided(decisions=[one for decisions in made.values() for one in decisions], now=now)
    flow.closed(approvals)
    return {
        approval.pk: Decided(approval, made[approval.pk], [event], signed[approval.pk])
        for approval, event in zip(approvals, events, strict=True)
    }


def reject_items(
    rows: Sequence[tuple[Approval, Sequence[ApprovalItem], Assessment]], *, now: datetime
) -> dict[object, Decided]:
    """Writes the rejection of what rules reject of batches that people look at; by the request's id.

    As any verdict on one action it is signed and learned from when the request closes.
    """
    found = [
        _decision(items[place], assessment.rejected[place], now)
        for _approval, items, assessment in rows
        for place in assessment.rejected
    ]
    if not found:
        return {}
    Decision.objects.bulk_create(found)
    lines = [
        Line(
            one.approval,
            None,
            {"verdict": one.verdict, "reason": one.reason, "item": one.item.index, "via": POLICY},
            POLICY,
        )
        for one in found
    ]
    written = add_events(kind=ApprovalEvent.Kind.VOTED, lines=lines, now=now)
    made: dict[object, Decided] = {}
    for one, event in zip(found, written, strict=True):
        mine = made.setdefault(one.approval_id, Decided(one.approval, [], []))
        mine.decisions.append(one)
        mine.events.append(event)
    return made


def _decision(item: ApprovalItem, assessment: Assessment, now: datetime) -> Decision:
    verdict = VERDICTS[assessment.effect]
    reason = assessment.reason if verdict is states.Verdict.REJECT else ""
    return Decision(
        project_id=item.approval.project_id,
        approval=item.approval,
        item=item,
        verdict=verdict,
        reason=reason or f"The project's policy decides this by itself: {assessment.rule}.",
        reviewer_name=POLICY,
        decided_at=now,
    )
