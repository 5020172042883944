"""The life of requests, walked at random on the real database: every legal path and no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from agents.authentication import Caller
from agents.models import Project
from reviews import states
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.services import expiry
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import NotGranted, record_outcome
from reviews.services.requests import cancel_request, create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, draft

RULINGS = {
    "approve": Ruling(verdict=states.Verdict.APPROVE),
    "edit": Ruling(verdict=states.Verdict.EDIT, arguments={"amount": 1}),
    "reject": Ruling(verdict=states.Verdict.REJECT, reason="no"),
    "respond": Ruling(verdict=states.Verdict.RESPOND, message="later"),
}


class Lifecycle(RuleBasedStateMachine):
    """Requests of one project; `model` says what each must be by now."""

    project: ClassVar[Project]
    agent: ClassVar[Caller]
    reviewers: ClassVar[list[Caller]]
    requests: Bundle[Any] = Bundle("requests")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.now = NOON
        self.model: dict[Any, tuple[str, str | None]] = {}
        self.deadline: dict[Any, Any] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def expected(self, key: Any) -> str:
        """What the request must be called now by whoever acts on it."""
        status = self.model[key][0]
        return "expired" if status == "pending" and self.deadline[key] <= self.now else status

    @rule(target=requests, minutes=st.integers(1, 10))
    def ask(self, minutes: int) -> Any:
        approval = create_request(
            project=self.project, by=self.agent, draft=draft(timeout=timedelta(minutes=minutes)), now=self.now
        )
        self.model[approval.pk] = ("pending", None)
        self.deadline[approval.pk] = self.now + timedelta(minutes=minutes)
        return approval.pk

    @rule(seconds=st.integers(0, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(key=requests, verdict=st.sampled_from(sorted(RULINGS)), who=st.integers(0, 1))
    def rule_on(self, key: Any, verdict: str, who: int) -> None:
        before = self.expected(key)
        approval = Approval.objects.get(pk=key)
        result = decide(approval=approval, by=self.reviewers[who], ruling=RULINGS[verdict], now=self.now)
        if before == "pending":
            assert isinstance(result, Decision)
            ends = {"reject": "rejected", "respond": "answered"}
            self.model[key] = (ends.get(verdict, "approved"), self.reviewers[who].label)
        else:
            assert isinstance(result, AlreadyDecided)
            assert (result.status, result.decided_by) == (before, self.model[key][1])
            self.model[key] = (before, self.model[key][1])

    @rule(key=requests)
    def cancel(self, key: Any) -> None:
        before = self.expected(key)
        lost = cancel_request(approval=Approval.objects.get(pk=key), by=self.agent, now=self.now)
        assert (lost is None) == (before == "pending")
        if lost is None:
            self.model[key] = ("cancelled", None)

    @rule()
    def sweep(self) -> None:
        due = [key for key, (status, _who) in self.model.items() if status == "pending"]
        due = [key for key in due if self.deadline[key] <= self.now]
        assert expiry.expire_due(now=self.now) == len(due)
        self.model |= dict.fromkeys(due, ("expired", None))

    @rule(key=requests, status=st.sampled_from(["succeeded", "failed"]))
    def report(self, key: Any, status: str) -> None:
        granted = self.model[key][0] in {"approved", "answered"}
        try:
            record_outcome(approval=Approval.objects.get(pk=key), by=self.agent, status=status, detail={}, now=self.now)
        except NotGranted:
            assert not granted
        else:
            assert granted

    @invariant()
    def the_rows_say_what_happened(self) -> None:
        for row in Approval.objects.filter(pk__in=self.model):
            assert row.status == self.model[row.pk][0]
            assert (row.decided_by_label or None) == self.model[row.pk][1]

    @invariant()
    def everything_that_closed_left_one_example_and_one_line(self) -> None:
        closed = {key for key, (status, _who) in self.model.items() if status != "pending"}
        firsts = FeedbackExample.objects.filter(revision=1).values_list("approval_id", flat=True)
        assert sorted(firsts) == sorted(closed)
        ends = ApprovalEvent.objects.filter(kind__in=["decided", "cancelled", "expired"])
        assert sorted(ends.values_list("approval_id", flat=True)) == sorted(closed)


@pytest.mark.django_db
def test_no_order_of_events_leads_off_the_table(project: Project, agent: Caller, ana: Caller, ben: Caller) -> None:
    bound = type("Bound", (Lifecycle,), {"project": project, "agent": agent, "reviewers": [ana, ben]})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
