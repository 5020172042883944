"""Several people: who has to agree on what, who may not, and batches decided action by action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import ApiKey, OutboxEvent, PersonalToken, Project
from agents.permissions import Scope
from agents.services import keys
from reviews import states
from reviews.canonical import arguments_hash
from reviews.models import Approval, ApprovalEvent, Decision, FeedbackExample
from reviews.policy.plan import ReviewPlan, dump_plan
from reviews.serializers.approvals import represent
from reviews.services import expiry
from reviews.services.decisions import InvalidDecision, OwnRequest, ReauthenticationNeeded, Ruling, decide, withdraw
from reviews.services.receipts import Consumed, consume
from reviews.services.requests import ItemDraft, RequestDraft, cancel_request, create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, REFUND, make_person, make_token

V = states.Verdict
SOON = NOON + timedelta(minutes=1)
APPROVE = Ruling(verdict=V.APPROVE)
REJECT = Ruling(verdict=V.REJECT, reason="no")
CHANGED = Ruling(verdict=V.EDIT, arguments={**REFUND, "amount": 900})
Make = Callable[..., Approval]


@pytest.fixture
def planned(request_one: Make) -> Make:
    """A request under the plan of a rule."""

    def create(**plan: Any) -> Approval:
        approval = request_one()
        approval.plan = dump_plan(ReviewPlan(**plan))
        approval.save(update_fields=["plan"])
        return approval

    return create


@pytest.fixture
def cleo(project: Project) -> Caller:
    return Caller(user=make_person("Cleo", project, "lead"))


@pytest.fixture
def batch(project: Project, agent: Caller) -> Approval:
    items = tuple(ItemDraft(action=f"step_{index}", arguments={"n": index}) for index in range(3))
    draft = RequestDraft(items=items, timeout=timedelta(minutes=5))
    return create_request(project=project, by=agent, draft=draft, now=NOON)


def say(approval: Approval, by: Caller, ruling: Ruling, item: int = 0) -> Decision | AlreadyDecided:
    return decide(approval=approval, by=by, ruling=replace(ruling, item=item), now=SOON)


def kinds(approval: Approval) -> list[str]:
    return [event.kind for event in approval.events.all()]


@pytest.mark.parametrize("plan", [{"approvals": 2}, {"four_eyes": True}])
def test_two_have_to_approve_the_same_thing(planned: Make, ana: Caller, ben: Caller, plan: dict[str, Any]) -> None:
    approval = planned(**plan)
    assert isinstance(say(approval, ana, APPROVE), Decision)
    assert (approval.status, FeedbackExample.objects.count()) == ("pending", 0)
    assert isinstance(say(approval, ben, APPROVE), Decision)
    assert (approval.status, approval.decided_by_label) == ("approved", "Ana, Ben")
    assert kinds(approval) == ["requested", "voted", "decided"]
    assert FeedbackExample.objects.get().verdict == "approve"


def test_one_person_counts_once(planned: Make, ana: Caller) -> None:
    approval = planned(approvals=2)
    say(approval, ana, APPROVE)
    again = say(approval, ana, APPROVE)
    assert isinstance(again, AlreadyDecided)
    assert again.sentence == "Ana already approved this request; others have to decide as well."
    assert Decision.objects.count() == 1


def test_whoever_approves_what_was_proposed_has_not_approved_somebodys_changes(
    planned: Make, ana: Caller, ben: Caller, cleo: Caller
) -> None:
    approval = planned(approvals=2)
    say(approval, ana, CHANGED)
    say(approval, ben, APPROVE)
    assert approval.status == "pending"
    say(approval, cleo, CHANGED)
    assert (approval.status, approval.verdict, approval.decided_by_label) == ("approved", "edit", "Ana, Cleo")


def test_one_rejection_is_enough(planned: Make, ana: Caller, ben: Caller) -> None:
    approval = planned(approvals=3)
    say(approval, ana, APPROVE)
    say(approval, ben, REJECT)
    assert (approval.status, approval.decided_by_label) == ("rejected", "Ben")


def test_the_owner_of_the_key_is_barred_where_a_rule_says_so(
    planned: Make, agent: Caller, ana: Caller, ben: Caller
) -> None:
    assert agent.key is not None
    agent.key.created_by = ana.user
    agent.key.save()
    assert isinstance(say(planned(), ana, APPROVE), Decision)
    barring = planned(bar_key_owner=True)
    with pytest.raises(OwnRequest, match="Your own key"):
        say(barring, ana, APPROVE)
    assert isinstance(say(barring, ben, APPROVE), Decision)


def test_where_a_rule_asks_for_it_only_who_has_just_proved_who_they_are_decides(planned: Make, ana: Caller) -> None:
    assert ana.user is not None
    approval = planned(reauthenticate=True)
    with pytest.raises(ReauthenticationNeeded, match="Confirm first"):
        say(approval, ana, APPROVE)
    make_token(ana.user)
    with_token = Caller(user=ana.user, token=PersonalToken.objects.get())
    with pytest.raises(ReauthenticationNeeded, match="token cannot give"):
        say(approval, with_token, APPROVE)
    assert isinstance(say(approval, replace(ana, reauthenticated=True), APPROVE), Decision)


def test_a_batch_waits_until_its_last_action_is_decided(batch: Approval, ana: Caller, ben: Caller) -> None:
    say(batch, ana, APPROVE, 1)
    say(batch, ben, REJECT, 0)
    assert (batch.status, kinds(batch)) == ("pending", ["requested", "voted", "voted"])
    late = say(batch, ben, APPROVE, 1)
    assert isinstance(late, AlreadyDecided)
    assert (late.decided_by, late.verdict, late.status) == ("Ana", "approve", "approved")
    say(batch, ben, Ruling(verdict=V.EDIT, arguments={"n": 7}), 2)
    assert (batch.status, batch.verdict, batch.decided_by_label) == ("mixed", "mixed", "Ana, Ben")
    assert list(FeedbackExample.objects.order_by("item__index").values_list("verdict", flat=True)) == [
        "reject",
        "approve",
        "edit",
    ]


@pytest.mark.parametrize(
    ("rulings", "status", "verdict"),
    [
        ([APPROVE, APPROVE, APPROVE], "approved", "approve"),
        ([APPROVE, APPROVE, Ruling(verdict=V.EDIT, arguments={"n": 7})], "approved", "edit"),
        ([REJECT, REJECT, REJECT], "rejected", "reject"),
        ([APPROVE, REJECT, APPROVE], "mixed", "mixed"),
    ],
)
def test_a_batch_adds_up(batch: Approval, ana: Caller, rulings: list[Ruling], status: str, verdict: str) -> None:
    for index, ruling in enumerate(rulings):
        say(batch, ana, ruling, index)
    assert (batch.status, batch.verdict) == (status, verdict)


def test_an_action_that_a_batch_does_not_have_names_the_field(batch: Approval, ana: Caller) -> None:
    with pytest.raises(InvalidDecision, match="numbered 0 to 2"):
        say(batch, ana, APPROVE, 3)


def test_each_action_has_its_own_schema_and_allowed_decisions(project: Project, agent: Caller, ana: Caller) -> None:
    small = {"properties": {"n": {"maximum": 5}}}
    items = (
        ItemDraft(action="a", allowed_decisions=("approve", "reject")),
        ItemDraft(action="b", arguments={"n": 1}, arguments_schema=small),
    )
    draft = RequestDraft(items=items, timeout=timedelta(minutes=5))
    approval = create_request(project=project, by=agent, draft=draft, now=NOON)
    with pytest.raises(InvalidDecision, match="approve, reject"):
        say(approval, ana, Ruling(verdict=V.RESPOND, message="hm"), 0)
    with pytest.raises(InvalidDecision, match="n: 9 is greater"):
        say(approval, ana, Ruling(verdict=V.EDIT, arguments={"n": 9}), 1)
    assert isinstance(say(approval, ana, Ruling(verdict=V.EDIT, arguments={"n": 5}), 1), Decision)


def test_a_vote_may_be_taken_back_while_others_are_missing(planned: Make, ana: Caller, ben: Caller) -> None:
    approval = planned(approvals=2)
    say(approval, ana, APPROVE)
    assert withdraw(approval=approval, by=ana, now=SOON)
    assert not withdraw(approval=approval, by=ana, now=SOON)
    say(approval, ben, APPROVE)
    assert approval.status == "pending"
    say(approval, ana, APPROVE)
    assert (approval.status, approval.decided_by_label) == ("approved", "Ben, Ana")
    assert kinds(approval) == ["requested", "voted", "withdrawn", "voted", "decided"]
    assert ApprovalEvent.objects.get(kind="withdrawn").detail["items"] == [0]


def test_what_the_agent_was_told_cannot_be_taken_back(batch: Approval, ana: Caller, ben: Caller) -> None:
    say(batch, ana, APPROVE, 0)
    assert not withdraw(approval=batch, by=ana, now=SOON)
    for index in (1, 2):
        say(batch, ben, APPROVE, index)
    assert not withdraw(approval=batch, by=ben, now=SOON)
    assert batch.status == "approved"


def test_a_verdict_on_a_batch_says_on_which_action(batch: Approval, ana: Caller) -> None:
    with pytest.raises(InvalidDecision, match="Say which action"):
        decide(approval=batch, by=ana, ruling=APPROVE, now=SOON)
    assert not Decision.objects.exists()


def test_rotating_a_key_makes_its_owner_no_stranger(
    project: Project, ana: Caller, ben: Caller, cleo: Caller, planned: Make
) -> None:
    def of_key(key: ApiKey) -> Approval:
        approval = planned(bar_key_owner=True)
        approval.requested_by_key = key
        approval.save(update_fields=["requested_by_key"])
        return approval

    assert ana.user is not None
    assert ben.user is not None
    scopes = [Scope.APPROVALS_REQUEST]
    first = keys.create(
        project=project, name="bot", scopes=scopes, expires_at=None, allowed_networks=[], by=ana, now=NOON
    ).key
    second = keys.rotate(key=first, overlap=timedelta(hours=1), by=ben.user, now=NOON).key
    third = keys.rotate(key=second, overlap=timedelta(hours=1), by=ben.user, now=NOON).key
    for barred in (ana, ben):
        with pytest.raises(OwnRequest, match="Your own key"):
            say(of_key(third), barred, APPROVE)
    assert isinstance(say(of_key(third), cleo, APPROVE), Decision)
    assert isinstance(say(of_key(first), ben, APPROVE), Decision)


def told_of(approval: Approval) -> dict[str, Any]:
    return represent(Approval.objects.with_parts().get(pk=approval.pk), estimated_wait_seconds=None)


def test_what_was_decided_of_a_batch_that_runs_out_is_signed_and_counts(
    batch: Approval, agent: Caller, ana: Caller
) -> None:
    say(batch, ana, APPROVE, 0)
    say(batch, ana, REJECT, 1)
    waiting = told_of(batch)
    assert [item["effect"] for item in waiting["items"]] == [None, None, None]
    assert (waiting["items"][0]["status"], waiting["items"][0]["decision"]["receipt"]) == ("approved", None)
    assert expiry.expire(approval=batch, now=batch.expires_at)
    told = told_of(batch)
    assert (told["status"], told["effect"], told["decision"]) == ("expired", "mixed", None)
    assert [item["effect"] for item in told["items"]] == ["allow", "deny", "deny"]
    assert [item["status"] for item in told["items"]] == ["approved", "rejected", "expired"]
    first, second, third = told["items"]
    assert first["decision"]["receipt"]
    assert (second["decision"]["decided_by"], third["decision"]) == ("Ana", None)
    used = consume(
        approval=batch,
        by=agent,
        arguments_hash=arguments_hash({"n": 0}),
        now=batch.expires_at,
        token=first["decision"]["receipt"],
    )
    assert isinstance(used, Consumed)
    rows = FeedbackExample.objects.order_by("item__index").values_list("verdict", "decision__reviewer_name")
    assert list(rows) == [("approve", "Ana"), ("reject", "Ana"), ("expired", None)]
    event = OutboxEvent.objects.get(type="approval.expired")
    assert [item["effect"] for item in event.told["items"]] == ["allow", "deny", "deny"]


def test_a_batch_that_is_taken_back_lets_nothing_be_done(batch: Approval, agent: Caller, ana: Caller) -> None:
    say(batch, ana, APPROVE, 0)
    assert cancel_request(approval=batch, by=agent, now=SOON) is None
    told = told_of(batch)
    assert [item["effect"] for item in told["items"]] == ["deny"] * 3
    assert list(FeedbackExample.objects.order_by("item__index").values_list("verdict", flat=True)) == [
        "approve",
        "cancelled",
        "cancelled",
    ]
