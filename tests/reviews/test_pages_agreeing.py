"""Where several have to agree and do not yet, and what is said of a verdict that is not enough by itself."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Notification
from console.lib import clock
from reviews.models import Approval, Decision
from reviews.policy.plan import ReviewPlan, dump_plan
from reviews.services.decisions import Ruling, decide, withdraw
from reviews.states import Verdict
from tests.reviews.conftest import make_person
from tests.reviews.test_pages_deciding import PASSWORD, ask, reviewer, send
from tests.reviews.test_pages_people import page_of, planned, post, words

__all__ = ["ask", "reviewer"]

Ask = Callable[..., Approval]
APPROVE = Ruling(verdict=Verdict.APPROVE)
HALVED = Ruling(verdict=Verdict.EDIT, arguments={"amount": 50})
SPLIT = "They approve different things: Ana as proposed; Ben with changes. 2 people have to approve the same."
ONE_BACK = "Nobody else can settle it: one has to take theirs back."


def form_in(page: str, action: str) -> dict[str, Any]:
    """What the form whose button says so would send."""
    forms = re.findall(r"<form.*?</form>", page, flags=re.DOTALL)
    found = [one for one in forms if action in words(one)]
    assert len(found) == 1, (action, len(found))
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[0]))
    fields.pop("csrfmiddlewaretoken", "")
    return {name: html.unescape(value) for name, value in fields.items()}


@pytest.fixture
def split(ask: Ask, ana: Caller, ben: Caller) -> Approval:
    """A project of two in which two have to agree: one has approved, the other has changed the arguments."""
    wanted = planned(ask(arguments={"amount": 100}), approvals=2)
    decide(approval=wanted, by=ana, ruling=APPROVE, now=clock.now())
    decide(approval=wanted, by=ben, ruling=HALVED, now=clock.now())
    return wanted


def test_those_who_differ_and_are_all_that_there_are_see_both_sides_and_how_to_settle_it(
    split: Approval, reviewer: Client
) -> None:
    page = words(page_of(reviewer, split))
    assert f"{SPLIT} {ONE_BACK}" in page
    assert "Nobody is left who can decide" not in page
    assert "Take back and approve with these changes" in page
    assert f"/p/shop/queue/{split.pk}/" in page_of(reviewer, split)


def test_who_takes_theirs_back_and_joins_the_changes_settles_it_in_one_step(split: Approval, reviewer: Client) -> None:
    joined = form_in(page_of(reviewer, split), "Take back and approve with these changes")
    answer = send(reviewer, split, htmx=True, **joined)
    assert "Approved with changes" in answer.headers["HX-Trigger"]
    split.refresh_from_db()
    assert (split.status, split.verdict, split.decided_by_label) == ("approved", "edit", "Ben, Ana")
    assert [event.kind for event in split.events.order_by("id")] == [
        "requested", "voted", "voted", "withdrawn", "decided",
    ]  # fmt: skip


def test_who_takes_their_changes_back_approves_what_was_proposed(
    split: Approval, ben: Caller, reviewer: Client
) -> None:
    assert ben.user is not None
    reviewer.force_login(ben.user, PASSWORD)
    page = page_of(reviewer, split)
    assert "Take back and approve with these changes" not in page
    send(reviewer, split, htmx=True, **form_in(page, "Take back and approve as proposed"))
    split.refresh_from_db()
    assert (split.status, split.verdict, split.decided_by_label) == ("approved", "approve", "Ana, Ben")


def test_whoever_comes_too_late_to_join_keeps_their_own_verdict(
    split: Approval, project: Any, reviewer: Client
) -> None:
    joined = form_in(page_of(reviewer, split), "Take back and approve with these changes")
    cleo = Caller(user=make_person("Cleo", project, "lead"))
    decide(approval=split, by=cleo, ruling=Ruling(verdict=Verdict.REJECT, reason="no"), now=clock.now())
    answer = send(reviewer, split, htmx=True, **joined)
    assert "Cleo rejected" in answer.headers["HX-Trigger"]
    assert not Decision.objects.filter(approval=split, withdrawn_at__isnull=False).exists()


def test_a_join_that_does_not_fit_takes_nothing_back(split: Approval, reviewer: Client) -> None:
    send(reviewer, split, htmx=True, verdict="reject", reason="", instead="1")
    send(reviewer, split, htmx=True, verdict="respond", message=" ", instead="1")
    assert Decision.objects.standing().filter(approval=split).count() == 2


def test_those_who_differ_stay_asked_and_the_first_is_told_once(
    split: Approval, ana: Caller, ben: Caller, project: Any, reviewer: Client
) -> None:
    told = Notification.objects.filter(title__startswith="You approve different things")
    assert [line.user for line in told] == [ana.user]
    listed = reviewer.get("/p/shop/queue/list/").content.decode()
    assert "data-others" not in listed
    withdraw(approval=split, by=ben, now=clock.now())
    assert told.count() == 1
    assert split.claimed_by is None


def test_of_three_against_one_all_see_that_one_has_to_think_again(
    ask: Ask, ana: Caller, ben: Caller, project: Any, reviewer: Client
) -> None:
    wanted = planned(ask(arguments={"amount": 100}), approvals=4)
    others = [Caller(user=make_person(name, project, "reviewer")) for name in ("Cleo", "Dan")]
    for by in (ana, ben, others[0]):
        decide(approval=wanted, by=by, ruling=APPROVE, now=clock.now())
    decide(approval=wanted, by=others[1], ruling=HALVED, now=clock.now())
    page = words(page_of(reviewer, wanted))
    assert "Ana, Ben, Cleo as proposed; Dan with changes. 4 people have to approve the same." in page
    assert ONE_BACK in page
    assert "One more person has to approve the same." in page
    told = Notification.objects.filter(title__startswith="You approve different things")
    assert sorted(line.user.name for line in told) == ["Ana", "Ben", "Cleo"]
    assert others[1].user is not None
    reviewer.force_login(others[1].user, PASSWORD)
    assert "3 more people have to approve the same." in words(page_of(reviewer, wanted))


def test_while_somebody_else_can_settle_it_nobody_is_asked_to_take_theirs_back(
    split: Approval, project: Any, reviewer: Client
) -> None:
    cleo = make_person("Cleo", project, "reviewer")
    reviewer.force_login(cleo, PASSWORD)
    page = words(page_of(reviewer, split))
    assert SPLIT in page
    assert ONE_BACK not in page
    assert "Approve with these changes" in page


def test_what_may_be_taken_back_untold_is_told_without_names(split: Approval, agent_api: Any) -> None:
    assert f"{SPLIT} {ONE_BACK}" in agent_api.get(f"/api/v1/approvals/{split.pk}").json()["notices"]
    Approval.objects.filter(pk=split.pk).update(undo_seconds=20)
    [notice] = agent_api.get(f"/api/v1/approvals/{split.pk}").json()["notices"]
    assert "1 as proposed; 1 with changes" in notice
    assert "Ana" not in notice


def test_who_has_to_prove_who_they_are_is_offered_that_before_joining(
    split: Approval, ana: Caller, reviewer: Client
) -> None:
    Approval.objects.filter(pk=split.pk).update(plan=dump_plan(ReviewPlan(approvals=2, reauthenticate=True)))
    page = page_of(reviewer, split)
    assert 'id="confirm-person"' in page
    assert "Take back and approve with these changes" not in page


def test_whose_verdict_it_was_not_cannot_reopen_what_others_have_decided(
    ask: Ask, ana: Caller, ben: Caller, reviewer: Client
) -> None:
    wanted = planned(ask(arguments={"amount": 100}), approvals=2)
    Approval.objects.filter(pk=wanted.pk).update(undo_seconds=60)
    wanted.refresh_from_db()
    decide(approval=wanted, by=ana, ruling=APPROVE, now=clock.now())
    decide(approval=wanted, by=ben, ruling=Ruling(verdict=Verdict.REJECT, reason="no"), now=clock.now())
    assert 'id="withdraw"' not in page_of(reviewer, wanted)
    assert not withdraw(approval=wanted, by=ana, now=clock.now())
    wanted.refresh_from_db()
    assert wanted.settles_at is not None
    assert withdraw(approval=wanted, by=ben, now=clock.now())
    again = Approval.objects.get(pk=wanted.pk)
    assert (again.status, again.settles_at) == ("pending", None)


def test_one_vote_of_two_is_not_told_as_a_decision(ask: Ask, ben: Caller, reviewer: Client) -> None:
    wanted = planned(ask(), approvals=2)
    first = send(reviewer, wanted, htmx=True, verdict="approve").headers["HX-Trigger"]
    assert "Your approval counts: 1 of 2" in first
    assert "Approved:" not in first
    assert ben.user is not None
    reviewer.force_login(ben.user, PASSWORD)
    assert "Approved: process_refund" in send(reviewer, wanted, htmx=True, verdict="approve").headers["HX-Trigger"]


def test_the_timeline_numbers_only_the_actions_of_a_batch(ask: Ask, reviewer: Client) -> None:
    wanted = planned(ask(), approvals=2)
    send(reviewer, wanted, verdict="approve")
    page = words(page_of(reviewer, wanted))
    assert "Approved Ana just now" in page
    assert "action 1" not in page


def test_what_happens_if_nobody_decides_is_told_only_while_somebody_can(ask: Ask, reviewer: Client) -> None:
    wanted = ask()
    assert "If nobody decides" in page_of(reviewer, wanted)
    send(reviewer, wanted, verdict="approve")
    assert "f nobody decides" not in page_of(reviewer, wanted)


def test_what_was_approved_together_and_waits_for_others_is_told_so(ask: Ask, reviewer: Client) -> None:
    rows = [planned(ask(action="note"), approvals=2), ask(action="note")]
    Approval.objects.update(risk_level="low")
    answer = reviewer.post(
        "/p/shop/queue/together/?action=note", {"verdict": "approve", "ids": [str(row.pk) for row in rows]}, follow=True
    )
    page = words(answer.content.decode())
    assert "1 request decided." in page
    assert "Your approval of 1 request counts, and others have to approve it as well." in page


def test_the_api_says_of_one_vote_of_two_that_nothing_is_decided(ask: Ask, reviewer_api: Any) -> None:
    rows = [planned(ask(action="note"), approvals=2), ask(action="note")]
    Approval.objects.update(risk_level="low")
    body = {"ids": [str(row.pk) for row in rows], "verdict": "approve"}
    first, second = reviewer_api.post("/api/v1/approvals/decisions", body).json()["results"]
    assert (first["decided"], first["status"], first["approvals"]) == (False, "pending", 1)
    assert (second["decided"], second["status"]) == (True, "approved")


def test_deciding_together_asks_for_the_proof_first(
    ask: Ask, ana: Caller, reviewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ana.user is not None
    ana.user.set_password("a-long-password-of-ana")
    ana.user.save()
    reviewer.force_login(ana.user, PASSWORD)
    rows = [planned(ask(action="note"), reauthenticate=True) for _number in range(2)]
    Approval.objects.update(risk_level="low")
    here = "/p/shop/queue/together/?action=note"
    page = reviewer.get(here).content.decode()
    assert 'id="confirm-person"' in page
    assert "next=%2Fp%2Fshop%2Fqueue%2Ftogether%2F%3Faction%3Dnote" in page
    assert 'id="approve-all"' not in page
    sent = {"verdict": "reject", "ids": [str(row.pk) for row in rows], "reason": "other", "details": "Not on Sundays"}
    refused = reviewer.post(here, sent)
    assert refused.status_code == 403
    assert "Your proof that it is you has run out" in refused.content.decode()
    assert "Not on Sundays" in refused.content.decode()
    assert not Decision.objects.exists()
    monkeypatch.setattr("agents.authentication.did_recently_reauthenticate", lambda _request: True)
    assert 'id="approve-all"' in reviewer.get(here).content.decode()
    assert reviewer.post(here, sent).status_code == 303
    assert Decision.objects.count() == 2


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("verb", "said"), [("question", "Write what you want to know."), ("message", "Write what the agent should know.")]
)
def test_a_question_or_a_message_without_words_comes_back_with_its_error(
    ask: Ask, reviewer: Client, verb: str, said: str, htmx: bool
) -> None:
    wanted = ask()
    post(reviewer, wanted, "question", text="Which one?")
    answer = post(reviewer, wanted, verb, htmx=htmx, text=" ")
    page = answer.content.decode()
    panel = page[page.index(f'id="panel-{verb}"') :]
    assert answer.status_code == 422
    assert re.match(r"[^>]* open>", panel)
    assert said in panel[: panel.index("</details>")]
    assert 'aria-invalid="true"' in panel[: panel.index("</details>")]


def test_what_is_too_long_to_be_asked_stays_in_the_form_and_a_line_counts_its_end_once(
    ask: Ask, reviewer: Client
) -> None:
    wanted, lines = ask(), "x\r\n" * 5_000
    too_long = post(reviewer, wanted, "question", text=lines + "the end of it")
    assert too_long.status_code == 422
    assert "the end of it" in too_long.content.decode()
    assert "at most 10000 characters" in too_long.content.decode()
    assert "Write what you want to know." not in too_long.content.decode()
    assert "Asked." in post(reviewer, wanted, "question", text=lines[:-2] + "x").headers["HX-Trigger"]
    said = wanted.events.get(kind="info_requested").detail["text"]
    assert (len(said), "\r" in said) == (10_000, False)
