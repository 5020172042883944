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
from reviews.models import Approval
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
    return re.findall(r'<a href="/p/shop/queue/([0-9a-f-]{36})/"', response.content.decode())


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
