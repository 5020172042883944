"""What people think of a trace is part of its examples, in revisions that come in the order of the stream."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from metrics.models import Score
from metrics.models.score import Source
from metrics.scoring import Draft
from metrics.services import scores
from reviews import states
from reviews.models import Approval, FeedbackExample, ScoreNote
from reviews.serializers.feedback import line_of, pseudonym
from reviews.services import feedback_scores
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome
from tests.reviews.conftest import NOON

pytestmark = pytest.mark.django_db
TRACE, SPAN = "ab" * 16, "cd" * 8
LATER = NOON + timedelta(hours=1)
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
Make = Callable[..., Approval]


@pytest.fixture
def approved(request_one: Make, ana: Caller) -> Approval:
    approval = request_one(trace_id=TRACE)
    decide(approval=approval, by=ana, ruling=APPROVE, now=NOON)
    return approval


def scored(project: Project, by: Caller, value: float, *, span: bool = False, **more: Any) -> Score:
    of_span = bytes.fromhex(SPAN) if span else None
    draft = Draft(trace_id=bytes.fromhex(TRACE), span_id=of_span, name="helpful", value=value, **more)
    return scores.record(project=project, drafts=[draft], source=Source.HUMAN, by=by, now=NOON)[0]


def taken() -> int:
    return feedback_scores.take_told(now=LATER)


def lines(approval: Approval) -> list[dict[str, Any]]:
    rows = FeedbackExample.objects.filter(approval=approval).with_parts().order_by("revision")
    return [line_of(row) for row in rows]


def said(line: dict[str, Any]) -> list[Any]:
    return [(score["name"], score["value"], score["span_id"]) for score in line["scores"]]


def test_a_score_of_the_trace_or_a_span_is_a_revision_with_all_of_them(
    project: Project, approved: Approval, ana: Caller
) -> None:
    scored(project, ana, 0.5)
    assert taken() == 1
    scored(project, ana, 1.0, span=True)
    assert taken() == 1
    assert taken() == 0
    first, second, third = lines(approved)
    assert [line["cause"] for line in (first, second, third)] == ["decision", "score", "score"]
    assert said(first) == []
    assert said(second) == [("helpful", 0.5, None)]
    assert said(third) == [("helpful", 0.5, None), ("helpful", 1.0, SPAN)]
    assert ana.user is not None
    (author,) = {score["author"]["id"] for score in third["scores"]}
    assert author == pseudonym(project.pk, ana.user.pk, part="scorer")
    assert third["reviewer"]["id"] == pseudonym(project.pk, ana.user.pk) != author
    newest = FeedbackExample.objects.with_parts().latest("revision")
    assert line_of(newest, names=True)["scores"][0]["author"]["name"] == "Ana"


def test_what_was_known_before_is_in_the_first_revision(project: Project, request_one: Make, ana: Caller) -> None:
    scored(project, ana, 0.5)
    approval = request_one(trace_id=TRACE)
    decide(approval=approval, by=ana, ruling=APPROVE, now=NOON)
    assert taken() == 1
    assert [said(line) for line in lines(approval)] == [[("helpful", 0.5, None)]]


def test_a_score_that_is_changed_or_taken_back_is_a_revision(project: Project, approved: Approval, ana: Caller) -> None:
    assert ana.user is not None
    score = scored(project, ana, 0.5)
    taken()
    scores.change(score=score, name="helpful", value=0.2, label="", comment="", by=ana.user, now=LATER)
    taken()
    scores.remove(score=Score.objects.get(), by=ana, now=LATER)
    taken()
    assert [said(line) for line in lines(approved)] == [
        [], [("helpful", 0.5, None)], [("helpful", 0.2, None)], [],
    ]  # fmt: skip


def test_what_machines_give_is_no_revision(project: Project, approved: Approval, agent: Caller) -> None:
    draft = Draft(trace_id=bytes.fromhex(TRACE), name="relevance", value=0.9)
    scores.record(project=project, drafts=[draft], source=Source.EVALUATION, by=agent, now=NOON)
    assert (ScoreNote.objects.count(), taken(), len(lines(approved))) == (0, 0, 1)


def test_an_outcome_carries_the_scores_on(project: Project, approved: Approval, ana: Caller) -> None:
    scored(project, ana, 0.5)
    taken()
    record_outcome(approval=approved, by=ana, status="succeeded", detail={}, now=LATER)
    assert said(lines(approved)[-1]) == [("helpful", 0.5, None)]
    assert lines(approved)[-1]["cause"] == "outcome"


def test_a_score_of_another_projects_trace_is_nobody_elses(
    project: Project, other_project: Project, approved: Approval, ana: Caller
) -> None:
    scored(other_project, ana, 0.5)
    assert taken() == 1
    assert len(lines(approved)) == 1


def test_the_page_of_the_example_shows_them(project: Project, approved: Approval, ana: Caller) -> None:
    scored(project, ana, 0.25, span=True, comment="<b>half</b>")
    taken()
    client = Client()
    assert ana.user is not None
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/p/shop/feedback/{approved.pk}/0/").content.decode()
    assert "Revision 2: its trace was scored" in page
    assert "0.25" in page
    assert "&lt;b&gt;half" in page
