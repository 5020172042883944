"""Answers that an agent offers to choose from."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from reviews.models import Approval, Decision
from reviews.offered import offered, offers, without_offers
from tests.reviews.test_pages_deciding import ask, reviewer, send
from tests.reviews.test_pages_people import Ask, page_of

__all__ = ["ask", "reviewer"]

RED = {"name": "red", "title": "Red <b>", "description": "Loud", "prompt_fill": "Make it red"}
REASONS = {"reject_options": [RED, {"name": "late"}]}


def test_only_what_has_a_name_is_offered_and_each_name_once() -> None:
    sent: list[Any] = [RED, {"title": "nameless"}, "text", None, {"name": 3}, {"name": "late"}, {"name": "late"}]
    assert [offer.name for offer in offered({"reject_options": sent}, "reject")] == ["red", "late"]
    assert offered({"reject_options": sent}, "respond") == []
    assert offers("nothing of a list") == []
    assert [offer.words for offer in offers([RED, {"name": "late", "title": None}])] == ["Make it red", "late"]


def test_what_is_offered_is_not_told_twice() -> None:
    assert without_offers({**REASONS, "tier": "gold", "response_options": [1]}) == {
        "tier": "gold",
        "response_options": [1],
    }


def test_a_rejection_takes_what_was_chosen_as_its_label_and_its_words(ask: Ask, reviewer: Client) -> None:
    wanted = ask(context=REASONS)
    page = page_of(reviewer, wanted)
    assert re.search(r'<input type="radio" name="offer" value="red"[^>]*data-fill="Make it red"', page)
    assert "Red &lt;b&gt;: Loud" in page
    assert send(reviewer, wanted, verdict="reject", reason="").status_code == 422
    assert send(reviewer, wanted, verdict="reject", offer="blue").status_code == 422
    send(reviewer, wanted, verdict="reject", offer="red", reason="")
    decision = Decision.objects.get(approval=wanted)
    assert (decision.reason, decision.message, decision.labels) == ("Make it red", "", ["red"])


def test_words_of_ones_own_go_with_what_was_chosen(ask: Ask, reviewer: Client) -> None:
    first, second = ask(context=REASONS), ask(context=REASONS)
    send(reviewer, first, verdict="reject", offer="late", reason="", details="By two days")
    send(reviewer, second, verdict="reject", offer="late", reason="Too risky", details="By two days")
    kept = {one.approval_id: (one.reason, one.message, one.labels) for one in Decision.objects.all()}
    assert kept == {first.pk: ("By two days", "", ["late"]), second.pk: ("Too risky", "By two days", ["late"])}


def test_an_answer_may_be_chosen_written_or_both(project: Project, agent: Caller, ask: Ask, reviewer: Client) -> None:
    context = {"response_options": [RED, {"name": "blue", "title": "Blue"}]}
    chosen, written = (ask(context=context, allowed_decisions=("respond",)) for _number in range(2))
    assert send(reviewer, chosen, verdict="respond", message="").status_code == 422
    send(reviewer, chosen, verdict="respond", offer="blue", message="")
    send(reviewer, written, verdict="respond", message="Green, please")
    kept = {one.approval_id: (one.message, one.labels) for one in Decision.objects.all()}
    assert kept == {chosen.pk: ("Blue", ["blue"]), written.pk: ("Green, please", [])}


def test_without_offers_a_rejection_still_needs_its_reason(ask: Ask, reviewer: Client) -> None:
    wanted: Approval = ask(context={"reject_options": "all of them"})
    assert 'name="offer"' not in page_of(reviewer, wanted)
    assert send(reviewer, wanted, verdict="reject", reason="").status_code == 422
