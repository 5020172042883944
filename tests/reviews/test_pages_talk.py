"""Asking the agent and writing to it, from the page of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.models import Approval, ApprovalEvent
from reviews.services.claims import claim
from reviews.services.information import post_message, request_info
from reviews.services.requests import create_request
from tests.reviews.conftest import draft, make_person
from tests.reviews.test_pages_deciding import HTMX, PASSWORD, ask, reviewer
from tests.reviews.test_pages_people import page_of, post, words

__all__ = ["ask", "reviewer"]

Ask = Callable[..., Approval]


def said(page: str) -> str:
    """The card of the conversation by the decision bar, as text."""
    assert 'id="talk"' in page
    return words(page[page.index('id="talk"') : page.index("</section>", page.index('id="talk"'))])


def test_a_question_and_its_answer_stand_by_the_decisions(
    ask: Ask, agent: Caller, ben: Caller, reviewer: Client
) -> None:
    wanted = ask()
    assert 'id="talk"' not in page_of(reviewer, wanted)
    request_info(approval=wanted, by=ben, text="For whom is it?", now=clock.now())
    waiting = said(page_of(reviewer, wanted))
    assert "Ben asked" in waiting
    assert "For whom is it?" in waiting
    assert "No answer yet." in waiting
    post_message(approval=wanted, by=agent, text="For 77.\u202e Which order?", now=clock.now())
    answered = said(page_of(reviewer, wanted))
    assert "For 77.⟨U+202E⟩ Which order?" in answered
    assert "No answer yet." not in answered
    request_info(approval=wanted, by=ben, text="Since when?", now=clock.now())
    again = said(page_of(reviewer, wanted))
    assert "Since when?" in again
    assert "2 earlier messages are in the timeline." in again


@pytest.mark.parametrize("held", [True, False])
def test_whoever_decides_answers_the_agents_question_from_the_page(
    ask: Ask, agent: Caller, ben: Caller, reviewer: Client, held: bool
) -> None:
    wanted = ask()
    assert 'id="panel-message"' not in page_of(reviewer, wanted)
    post_message(approval=wanted, by=agent, text="Net or gross?", now=clock.now())
    if held:
        claim(approval=wanted, by=ben, now=clock.now())
    assert 'id="panel-message"' in page_of(reviewer, wanted)
    answer = post(reviewer, wanted, "message", text="Gross")
    assert "Written." in answer.headers["HX-Trigger"]
    assert "Gross" in said(answer.content.decode())
    event = ApprovalEvent.objects.filter(approval=wanted, kind="message").latest("pk")
    assert (event.actor_label, event.detail) == ("Ana", {"text": "Gross"})
    wanted.refresh_from_db()
    assert wanted.status == "pending"


def test_the_person_who_made_the_request_answers_the_question_about_it(
    project: Project, ben: Caller, client: Client
) -> None:
    asker = make_person("Cleo", project, "reviewer")
    wanted = create_request(project=project, by=Caller(user=asker), draft=draft(), now=clock.now())
    request_info(approval=wanted, by=ben, text="For whom is it?", now=clock.now())
    client.force_login(asker, PASSWORD)
    assert 'id="panel-message"' in page_of(client, wanted)
    assert "No answer yet." not in said(post(client, wanted, "message", text="For 77").content.decode())
    wanted.refresh_from_db()
    assert wanted.status == "pending"


@pytest.mark.parametrize("form", [{"text": "  "}, {}])
def test_nothing_is_written_without_words(ask: Ask, reviewer: Client, form: dict[str, Any]) -> None:
    wanted = ask()
    answer = reviewer.post(f"/p/shop/queue/{wanted.pk}/message/", form, headers=HTMX)
    assert answer.status_code == 422
    assert not ApprovalEvent.objects.filter(approval=wanted, kind="message").exists()
