"""Working a queue together: claims, assignment, questions, several who agree, batches, thinking again."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from agents.authentication import Caller
from agents.models import Membership, Project, Team
from console.lib import clock, live, presence
from reviews.diff import canonical
from reviews.models import Approval, Decision
from reviews.policy.plan import Escalation, ReviewPlan, Step, dump_plan
from reviews.services.claims import claim
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from reviews.states import Verdict
from tests.reviews.conftest import make_person
from tests.reviews.test_pages_deciding import HTMX, PASSWORD, ask, reviewer, send

__all__ = ["ask", "reviewer"]

Ask = Callable[..., Approval]


def post(client: Client, approval: Approval, verb: str, *, htmx: bool = True, **form: Any) -> Any:
    return client.post(f"/p/shop/queue/{approval.pk}/{verb}/", form, headers=HTMX if htmx else {})


def page_of(client: Client, approval: Approval, query: str = "") -> str:
    return str(client.get(f"/p/shop/queue/{approval.pk}/{query}").content.decode())


def planned(approval: Approval, **fields: Any) -> Approval:
    """The same request, as if a rule had asked for this."""
    Approval.objects.filter(pk=approval.pk).update(plan=dump_plan(ReviewPlan(**fields)))
    approval.refresh_from_db()
    return approval


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture
def batch(project: Project, agent: Caller) -> Approval:
    items = tuple(ItemDraft(action=f"step_{name}", arguments={"n": n}) for n, name in enumerate("abc"))
    made = RequestDraft(items=items, timeout=timedelta(minutes=5))
    return create_request(project=project, by=agent, draft=made, now=clock.now())


def test_a_claim_shows_who_holds_it_in_the_list_and_in_the_request(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = ask()
    assert "Nobody holds this" in page_of(reviewer, wanted)
    post(reviewer, wanted, "claim")
    mine = page_of(reviewer, wanted)
    assert "You hold this" in mine
    assert 'id="renew"' in mine
    assert 'id="approve"' in mine
    reviewer.force_login(ben.user, PASSWORD)  # type: ignore[arg-type]
    theirs = page_of(reviewer, wanted)
    assert "Ana has claimed this." in words(theirs)
    assert 'id="approve"' not in theirs
    assert "held by Ana" in words(theirs)
    post(reviewer, wanted, "claim", take_over="1")
    wanted.refresh_from_db()
    assert wanted.claimed_by == ben.user
    assert "Taken over from Ana." in page_of(reviewer, wanted)


def test_a_claim_that_somebody_else_has_is_not_taken_by_accident(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = ask()
    claim(approval=wanted, by=ben, now=clock.now())
    answer = post(reviewer, wanted, "claim")
    assert "Ben has claimed this request." in answer.headers["HX-Trigger"]
    wanted.refresh_from_db()
    assert wanted.claimed_by == ben.user


def test_a_claim_is_renewed_and_let_go(ask: Ask, ana: Caller, reviewer: Client) -> None:
    wanted = ask()
    claim(approval=wanted, by=ana, now=clock.now() - timedelta(minutes=4))
    assert post(reviewer, wanted, "renew").status_code == 204
    wanted.refresh_from_db()
    assert wanted.claimed_until is not None
    assert wanted.claimed_until > clock.now() + timedelta(minutes=4)
    assert "Nobody holds this" in post(reviewer, wanted, "release").content.decode()


def test_without_javascript_a_claim_leads_back_to_the_request(ask: Ask, reviewer: Client) -> None:
    wanted = ask()
    answer = post(reviewer, wanted, "claim", htmx=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/p/shop/queue/{wanted.pk}/")


def test_a_question_waits_for_the_agents_answer(ask: Ask, reviewer: Client) -> None:
    wanted = ask()
    answer = post(reviewer, wanted, "question", text="Which customer?")
    wanted.refresh_from_db()
    assert wanted.status == "info_requested"
    page = answer.content.decode()
    assert "Which customer?" in page
    assert "Needs information" in page
    assert 'id="approve"' in page


def test_a_lead_assigns_to_a_person_or_a_team(
    ask: Ask, project: Project, ana: Caller, ben: Caller, reviewer: Client
) -> None:
    wanted = ask()
    assert "send-assign" not in page_of(reviewer, wanted)
    Membership.objects.filter(user=ana.user).update(role="lead")
    team = Team.objects.create(project=project, slug="pay", name="Payments", created_at=clock.now())
    assert "send-assign" in page_of(reviewer, wanted)
    assert ben.user is not None
    answer = post(reviewer, wanted, "assign", to=f"user:{ben.user.pk}")
    assert "Assigned to Ben." in answer.headers["HX-Trigger"]
    assert "Assigned to Payments." in post(reviewer, wanted, "assign", to=f"team:{team.pk}").headers["HX-Trigger"]
    assert "everybody who may decide" in post(reviewer, wanted, "assign", to="").headers["HX-Trigger"]
    refused = post(reviewer, wanted, "assign", to="user:999999")
    assert "from the list" in refused.headers["HX-Trigger"]


def test_where_two_have_to_agree_the_first_waits_and_may_take_back(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = planned(ask(), approvals=2)
    assert "0 of 2 people have approved" in words(page_of(reviewer, wanted))
    send(reviewer, wanted, verdict="approve")
    page = page_of(reviewer, wanted)
    assert "1 of 2 people have approved: Ana" in words(page)
    assert "One more person has to approve the same." in page
    assert 'id="approve"' not in page
    post(reviewer, wanted, "withdraw", item="0")
    assert 'id="approve"' in page_of(reviewer, wanted)
    send(reviewer, wanted, verdict="approve")
    decide(approval=wanted, by=ben, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    assert "by Ana , Ben" in words(page_of(reviewer, wanted))


def test_who_is_to_agree_with_changes_sees_them_and_sends_the_same(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = planned(ask(arguments={"amount": 100}), approvals=2)
    changed = Ruling(verdict=Verdict.EDIT, arguments={"amount": 50})
    decide(approval=wanted, by=ben, ruling=changed, now=clock.now())
    page = page_of(reviewer, wanted)
    proposal = page[page.index('id="proposal-1"') :]
    assert "Ben approved it with these changes: Argument Proposed Changed to amount 100 50" in words("<" + proposal)
    fields = re.findall(r'name="(verdict|step|mode|item|json|seen)" value="([^"]*)"', proposal)[:6]
    form: dict[str, Any] = {name: html.unescape(value) for name, value in fields}
    post(reviewer, wanted, "decision", **form)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.verdict) == ("approved", "edit")
    assert {vote.arguments["amount"] for vote in Decision.objects.filter(approval=wanted)} == {50}


def test_changes_that_nobody_has_to_agree_with_are_not_proposed(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = ask(arguments={"amount": 100})
    decide(approval=wanted, by=ben, ruling=Ruling(verdict=Verdict.EDIT, arguments={"amount": 50}), now=clock.now())
    assert 'id="proposal-1"' not in page_of(reviewer, wanted)


def test_a_batch_is_decided_one_by_one_and_the_next_action_opens(batch: Approval, reviewer: Client) -> None:
    page = page_of(reviewer, batch)
    assert "3 actions, decided one by one" in page
    answer = send(reviewer, batch, verdict="approve", item="0")
    assert answer.headers["Location"] == f"/p/shop/queue/{batch.pk}/?item=1"
    send(reviewer, batch, verdict="reject", reason="Too risky", item="2")
    assert send(reviewer, batch, verdict="approve", item="1").headers["Location"] == "/p/shop/queue/"
    batch.refresh_from_db()
    assert batch.status == "mixed"
    last = page_of(reviewer, batch, "?item=2")
    assert "Too risky" in last
    assert "step_c" in last


def test_an_action_of_a_batch_that_is_decided_elsewhere_says_by_whom(
    batch: Approval, ben: Caller, reviewer: Client
) -> None:
    decide(approval=batch, by=ben, ruling=Ruling(verdict=Verdict.APPROVE, item=1), now=clock.now())
    answer = send(reviewer, batch, htmx=True, verdict="reject", reason="Too risky", item="1")
    assert "Ben already approved this request." in answer.headers["HX-Trigger"]
    assert Decision.objects.count() == 1


def test_within_the_time_to_think_again_a_decision_is_taken_back(ask: Ask, reviewer: Client) -> None:
    wanted = ask()
    Approval.objects.filter(pk=wanted.pk).update(undo_seconds=20)
    answer = send(reviewer, wanted, htmx=True, verdict="approve")
    assert f"/p/shop/queue/{wanted.pk}/withdraw/" in answer.headers["HX-Trigger"]
    page = page_of(reviewer, wanted)
    assert "The agent is told in" in page
    assert 'id="withdraw"' in page
    back = post(reviewer, wanted, "withdraw")
    assert "The agent was not told." in back.headers["HX-Trigger"]
    assert 'id="approve"' in back.content.decode()
    assert "Took the decision back" in back.content.decode()
    assert "nothing of yours" in post(reviewer, wanted, "withdraw").headers["HX-Trigger"]


def test_a_decision_that_asks_for_the_password_again_offers_that_first(ask: Ask, ana: Caller, reviewer: Client) -> None:
    assert ana.user is not None
    ana.user.set_password("a-long-password-of-ana")
    ana.user.save()
    reviewer.force_login(ana.user, PASSWORD)
    wanted = planned(ask(), reauthenticate=True)
    page = page_of(reviewer, wanted)
    assert f"/accounts/reauthenticate/?next=%2Fp%2Fshop%2Fqueue%2F{wanted.pk}%2F" in page
    assert 'id="approve"' not in page
    here = f"/p/shop/queue/{wanted.pk}/?risk=high"
    asked = reviewer.get("/accounts/reauthenticate/", {"next": here}).content.decode()
    assert "Then you are back where you were" in asked
    refused = send(reviewer, wanted, htmx=True, verdict="approve")
    assert "Confirm first that it is you" in refused.headers["HX-Trigger"]
    wanted.refresh_from_db()
    assert wanted.status == "pending"
    proof = {"password": "a-long-password-of-ana", "next": here}
    assert reviewer.post("/accounts/reauthenticate/", proof).headers["Location"] == here
    assert 'id="approve"' in reviewer.get(here).content.decode()


def test_what_was_written_stays_when_the_proof_of_who_one_is_has_run_out(
    ask: Ask, ana: Caller, reviewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ana.user is not None
    ana.user.set_password("a-long-password-of-ana")
    ana.user.save()
    reviewer.force_login(ana.user, PASSWORD)
    wanted = planned(ask(), reauthenticate=True)
    monkeypatch.setattr("agents.authentication.did_recently_reauthenticate", lambda _request: False)
    kept = send(reviewer, wanted, htmx=True, verdict="reject", reason="Too risky", details="Ask again on Monday")
    page = kept.content.decode()
    assert "Ask again on Monday" in page
    assert "Your proof that it is you has run out" in page
    assert f'/accounts/reauthenticate/?next=%2Fp%2Fshop%2Fqueue%2F{wanted.pk}%2F%3Fitem%3D0" target="_blank"' in page
    arguments = json.dumps({**wanted.item.arguments, "amount": 7})
    seen = hashlib.sha256(canonical(json.loads(arguments)).encode()).hexdigest()
    edited = {"verdict": "edit", "step": "send", "mode": "json", "json": arguments, "seen": seen}
    page = send(reviewer, wanted, htmx=True, **edited).content.decode()
    assert "Your proof that it is you has run out" in page
    assert 'id="send-edit"' in page
    assert not Decision.objects.exists()
    monkeypatch.setattr("agents.authentication.did_recently_reauthenticate", lambda _request: True)
    send(reviewer, wanted, htmx=True, **edited)
    assert Decision.objects.get().arguments == json.loads(arguments)


def test_who_is_asked_next_is_shown(ask: Ask, reviewer: Client) -> None:
    steps = (Step(seconds=600, team="leads"), Step(seconds=600, user="boss@example.org"))
    wanted = planned(ask(), escalation=Escalation(steps))
    Approval.objects.filter(pk=wanted.pk).update(on_timeout="escalate", escalation_step=1)
    page = words(page_of(reviewer, wanted))
    assert "leads now" in page
    assert "boss@example.org" in page


def test_why_the_rule_matched_and_others_did_not_is_told(ask: Ask, reviewer: Client) -> None:
    wanted = ask()
    trace = [
        {"rule": "vip", "matched": False, "why": "the condition does not hold: end_user is <b>nobody</b>"},
        {"rule": "large", "matched": True, "why": "the condition holds: args.amount is 12000"},
    ]
    Approval.objects.filter(pk=wanted.pk).update(rule_trace=trace)
    page = page_of(reviewer, wanted)
    assert "Why this rule and not another (2 rules)" in page
    assert "end_user is &lt;b&gt;nobody" in page


def test_a_request_says_who_else_has_it_open_but_not_that_one_has_it_oneself(
    ask: Ask, ana: Caller, ben: Caller, reviewer: Client, other_project: Project
) -> None:
    stranger, wanted = make_person("Olga", other_project, "admin"), ask()
    assert ana.user is not None
    assert ben.user is not None
    group = live.project_group(wanted.project_id, f"looking.{wanted.pk}")

    async def come() -> None:
        for person in (ana.user, ben.user, stranger):
            assert person is not None
            await presence.tabs().enter(group, person.pk, "tab")

    async_to_sync(come)()
    page = words(page_of(reviewer, wanted))
    assert "Ben is looking at this" in page
    assert "Ana is looking" not in page
    assert "Olga" not in page
    part = reviewer.get(f"/p/shop/queue/{wanted.pk}/looking/").content.decode()
    assert words(part) == "Ben is looking at this"
    assert "looking at this" not in page_of(reviewer, ask())


def test_each_decision_on_a_batch_names_the_action_that_it_was_about(batch: Approval, reviewer: Client) -> None:
    for number, name in enumerate("ab"):
        answer = send(reviewer, batch, htmx=True, verdict="approve", item=str(number))
        assert f"Approved: step_{name}" in answer.headers["HX-Trigger"]


def test_all_that_is_left_of_a_batch_is_listed_and_approved_in_one_go(
    project: Project, agent: Caller, reviewer: Client
) -> None:
    items = [ItemDraft(action=f"step_{name}", arguments={"n": n}) for n, name in enumerate("abc")]
    items.append(ItemDraft(action="step_d", arguments={}, allowed_decisions=("reject",)))
    drafted = RequestDraft(items=tuple(items), timeout=timedelta(minutes=5))
    made = create_request(project=project, by=agent, draft=drafted, now=clock.now())
    send(reviewer, made, htmx=True, verdict="reject", reason="Too risky", item="0")
    page = page_of(reviewer, made)
    assert "Approve all 2 that are left" in page
    assert re.findall(r'name="items" value="(\d)"', page) == ["1", "2"]
    assert "1 more cannot be approved and stays open." in words(page)
    answer = post(reviewer, made, "rest", items=["1", "2"])
    assert "Approved: 2 actions" in answer.headers["HX-Trigger"]
    assert 'id="open-rest"' not in answer.content.decode()
    assert [vote.item.index for vote in Decision.objects.filter(approval=made, verdict="approve")] == [1, 2]
    made.refresh_from_db()
    assert made.is_waiting


def test_what_was_decided_meanwhile_or_may_not_be_approved_is_said_and_left(
    batch: Approval, ben: Caller, reviewer: Client
) -> None:
    decide(approval=batch, by=ben, ruling=Ruling(verdict=Verdict.REJECT, reason="no", item=1), now=clock.now())
    answer = post(reviewer, batch, "rest", items=["0", "1", "9"])
    assert "1 of 3 actions approved" in answer.headers["HX-Trigger"]
    assert Decision.objects.filter(approval=batch).count() == 2
    assert "Nothing of this request is left" in post(reviewer, batch, "rest").headers["HX-Trigger"]


def test_all_that_is_left_is_one_vote_each_and_needs_the_proof_that_a_rule_asks_for(
    batch: Approval, ana: Caller, reviewer: Client
) -> None:
    assert ana.user is not None
    ana.user.set_password("a-long-password-of-ana")
    ana.user.save()
    reviewer.force_login(ana.user, PASSWORD)
    planned(batch, approvals=2)
    post(reviewer, batch, "rest", items=["0", "1", "2"])
    batch.refresh_from_db()
    assert batch.is_waiting
    assert Decision.objects.filter(approval=batch).count() == 3
    Decision.objects.filter(approval=batch).update(withdrawn_at=clock.now())
    planned(batch, reauthenticate=True)
    assert 'id="open-rest"' not in page_of(reviewer, batch)
    assert "Confirm first that it is you" in post(reviewer, batch, "rest", items=["0"]).headers["HX-Trigger"]
    assert Decision.objects.standing().filter(approval=batch).count() == 0


def test_the_page_asks_how_an_approved_action_went_and_keeps_what_people_say(ask: Ask, reviewer: Client) -> None:
    wanted, refused = ask(), ask()
    assert "Do you know?" not in page_of(reviewer, wanted)
    send(reviewer, wanted, verdict="approve")
    send(reviewer, refused, verdict="reject", reason="Too risky")
    assert "The agent has not said how it went. Do you know?" in page_of(reviewer, wanted)
    assert "Do you know?" not in page_of(reviewer, refused)
    assert "Choose how it went" in post(reviewer, wanted, "outcome", status="fine").headers["HX-Trigger"]
    assert "Nothing was approved" in post(reviewer, refused, "outcome", status="failed").headers["HX-Trigger"]
    answer = post(reviewer, wanted, "outcome", status="failed", note="<b>The bank</b> said no")
    assert "Kept with the labelled example." in answer.headers["HX-Trigger"]
    page = answer.content.decode()
    assert "&lt;b&gt;The bank&lt;/b&gt; said no" in page
    assert "The action failed" in page
    assert "It went otherwise" in page
    wanted.refresh_from_db()
    assert wanted.outcome is not None
    assert (wanted.outcome["status"], wanted.outcome["by"]) == ("failed", "Ana")


def test_whoever_may_not_decide_is_not_asked_how_it_went(
    ask: Ask, project: Project, reviewer: Client, client: Client
) -> None:
    wanted = ask()
    send(reviewer, wanted, verdict="approve")
    client.force_login(make_person("Vera", project, "viewer"), PASSWORD)
    assert "Do you know?" not in page_of(client, wanted)
    assert post(client, wanted, "outcome", status="failed").status_code == 403


@pytest.mark.parametrize(("item", "status"), [("99", 404), ("", 400), ("second", 400)])
def test_a_form_that_names_no_action_of_the_batch_decides_nothing(
    batch: Approval, reviewer: Client, item: str, status: int
) -> None:
    assert send(reviewer, batch, verdict="approve", item=item).status_code == status
    assert post(reviewer, batch, "changes", verdict="edit", item=item).status_code == status
    assert not Decision.objects.exists()


def test_a_form_of_a_single_action_need_not_name_it_but_cannot_name_another(ask: Ask, reviewer: Client) -> None:
    assert send(reviewer, ask(), verdict="approve", item="1").status_code == 404
    assert send(reviewer, ask(), verdict="approve").status_code == 303
    assert Decision.objects.count() == 1
