"""The page of labelled examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.models import Approval, FeedbackExample, FeedbackSettings
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome
from reviews.services.requests import cancel_request, create_request
from reviews.states import Verdict
from tests.reviews.conftest import draft, make_person

PASSWORD = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def decided(project: Project, agent: Caller, ana: Caller) -> Callable[..., Approval]:
    def create(verdict: Verdict = Verdict.APPROVE, *, changed: Any = None, reason: str = "", **fields: Any) -> Approval:
        approval = create_request(project=project, by=agent, draft=draft(**fields), now=clock.now())
        decide(
            approval=approval, by=ana, ruling=Ruling(verdict=verdict, arguments=changed, reason=reason), now=clock.now()
        )
        return approval

    return create


@pytest.fixture
def reviewer(client: Client, ana: Caller) -> Client:
    assert ana.user is not None
    client.force_login(ana.user, PASSWORD)
    return client


def examples_in(response: Any) -> list[str]:
    """The requests whose examples a page shows, in order."""
    assert response.status_code == 200
    return re.findall(r'<a href="/p/shop/feedback/([0-9a-f-]{36})/0/"', response.content.decode())


def test_the_newest_example_comes_first_in_its_latest_revision(
    decided: Callable[..., Approval], agent: Caller, reviewer: Client
) -> None:
    older = decided()
    newer = decided(Verdict.REJECT, reason="Too risky")
    record_outcome(approval=older, by=agent, status="succeeded", detail={}, now=clock.now())
    answer = reviewer.get("/p/shop/feedback/")
    assert examples_in(answer) == [str(older.pk), str(newer.pk)]
    assert "Too risky" in answer.content.decode()
    assert "Succeeded" in answer.content.decode()


def test_an_edit_unfolds_into_its_diff(decided: Callable[..., Approval], reviewer: Client) -> None:
    decided(Verdict.EDIT, arguments={"amount": 1500}, changed={"amount": 900})
    page = reviewer.get("/p/shop/feedback/").content.decode()
    assert "<del>1500</del>" in page
    assert "<ins>900</ins>" in page


def test_filters_narrow_the_examples(decided: Callable[..., Approval], reviewer: Client) -> None:
    approved = decided(agent="support")
    rejected = decided(Verdict.REJECT, reason="no", action="delete_rows", agent="cleanup")
    assert examples_in(reviewer.get("/p/shop/feedback/?verdict=reject")) == [str(rejected.pk)]
    assert examples_in(reviewer.get("/p/shop/feedback/?agent=support")) == [str(approved.pk)]
    assert examples_in(reviewer.get("/p/shop/feedback/?action=delete_rows")) == [str(rejected.pk)]
    assert "No example matches" in reviewer.get("/p/shop/feedback/?action=unknown").content.decode()


def test_undecided_ends_come_only_when_asked_for(project: Project, agent: Caller, reviewer: Client) -> None:
    approval = create_request(project=project, by=agent, draft=draft(), now=clock.now())
    cancel_request(approval=approval, by=agent, now=clock.now())
    assert examples_in(reviewer.get("/p/shop/feedback/")) == []
    assert examples_in(reviewer.get("/p/shop/feedback/?verdict=cancelled")) == [str(approval.pk)]


def test_pages_follow_each_other_without_gap_or_repeat(
    decided: Callable[..., Approval], reviewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.views.feedback.PAGE_ROWS", 2)
    made = [str(decided().pk) for _number in range(5)]
    seen: list[str] = []
    address = "/p/shop/feedback/"
    while address:
        answer = reviewer.get(address)
        seen += examples_in(answer)
        following = re.search(r'href="(\?cursor=[^"]+)"', answer.content.decode())
        address = f"/p/shop/feedback/{following.group(1)}" if following else ""
    assert seen == made[::-1]


def test_an_empty_page_leads_to_the_queue_and_shows_how_to_pull(project: Project, reviewer: Client) -> None:
    page = reviewer.get("/p/shop/feedback/").content.decode()
    assert "No labelled examples yet" in page
    assert "/api/v1/feedback?cursor=" in page


def test_a_damaged_cursor_is_a_bad_request(project: Project, reviewer: Client) -> None:
    assert reviewer.get("/p/shop/feedback/?cursor=nonsense").status_code == 400


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("auditor", 200), ("lead", 200)])
def test_only_roles_with_the_permission_see_feedback(project: Project, client: Client, role: str, status: int) -> None:
    client.force_login(make_person("Vera", project, role), PASSWORD)
    assert client.get("/p/shop/feedback/").status_code == status


def example_page(approval: Approval) -> str:
    return f"/p/shop/feedback/{approval.pk}/0/"


def test_an_example_shows_its_revisions_and_is_corrected_by_who_decided(
    decided: Callable[..., Approval], agent: Caller, reviewer: Client
) -> None:
    approval = decided(Verdict.EDIT, arguments={"amount": 1500}, changed={"amount": 900}, context={"vip": True})
    assert "Say how it went" in reviewer.get(example_page(approval)).content.decode()
    record_outcome(approval=approval, by=agent, status="failed", detail={"code": 7}, now=clock.now())
    page = reviewer.get(example_page(approval)).content.decode()
    assert "<del>1500</del>" in page
    assert "Revision 2: how it went" in page
    assert "Say how it went" not in page
    sent = {"others": "hasty, amount", "reason": "looked at the wrong order"}
    assert reviewer.post(example_page(approval), sent).status_code == 302
    page = reviewer.get(example_page(approval)).content.decode()
    assert "Revision 3: corrected" in page
    assert "looked at the wrong order" in page
    assert examples_in(reviewer.get("/p/shop/feedback/?label=hasty")) == [str(approval.pk)]
    assert examples_in(reviewer.get("/p/shop/feedback/?label=mood")) == []


def test_examples_are_found_by_outcome_and_by_day(
    decided: Callable[..., Approval], agent: Caller, reviewer: Client
) -> None:
    failed, unknown = decided(), decided()
    record_outcome(approval=failed, by=agent, status="failed", detail={}, now=clock.now())
    assert examples_in(reviewer.get("/p/shop/feedback/?outcome=failed")) == [str(failed.pk)]
    assert examples_in(reviewer.get("/p/shop/feedback/?outcome=none")) == [str(unknown.pk)]
    day = f"{clock.now():%Y-%m-%d}"
    assert len(examples_in(reviewer.get(f"/p/shop/feedback/?from={day}"))) == 2
    assert examples_in(reviewer.get("/p/shop/feedback/?from=2020-01-01&to=2020-02-01")) == []
    assert reviewer.get("/p/shop/feedback/?from=2020-02-31&outcome=fine").status_code == 200


def test_reviewers_have_pseudonyms_on_the_pages_too_until_the_project_wants_names(
    decided: Callable[..., Approval], project: Project, client: Client
) -> None:
    approval = decided()
    client.force_login(make_person("Otto", project, "auditor"), PASSWORD)
    name = re.compile(">Ana[ <]")
    assert not name.search(client.get(example_page(approval)).content.decode())
    assert "Keep the correction" not in client.get(example_page(approval)).content.decode()
    client.force_login(make_person("Adam", project, "admin"), PASSWORD)
    assert client.post("/p/shop/feedback/labels/", {"labels": "", "reviewer_names": "on"}).status_code == 302
    assert name.search(client.get(example_page(approval)).content.decode())


def test_a_lead_words_the_labels_and_reviewers_tick_them(
    project: Project, agent: Caller, ana: Caller, client: Client
) -> None:
    lead = make_person("Lea", project, "lead")
    client.force_login(lead, PASSWORD)
    sent = {"labels": "Wrong amount: more than was asked for\nDuplicate", "closed": "on", "reviewer_names": "on"}
    assert client.post("/p/shop/feedback/labels/", sent).status_code == 302
    assert not FeedbackSettings.objects.get(project=project).reviewer_names
    approval = create_request(project=project, by=agent, draft=draft(), now=clock.now())
    page = client.get(f"/p/shop/queue/{approval.pk}/").content.decode()
    assert 'value="Wrong amount"' in page
    sent = {"verdict": "reject", "item": "0", "reason": "other", "details": "no", "labels": "Wrong amount"}
    client.post(f"/p/shop/queue/{approval.pk}/decision/", sent)
    assert FeedbackExample.objects.get(approval=approval).labels == ["Wrong amount"]


def test_an_example_of_another_project_is_not_there(
    decided: Callable[..., Approval], other_project: Project, client: Client
) -> None:
    approval = decided()
    client.force_login(make_person("Eve", other_project, "lead"), PASSWORD)
    assert client.get(example_page(approval)).status_code == 404
    assert client.get(f"/p/bank/feedback/{approval.pk}/0/").status_code == 404
