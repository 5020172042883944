"""Corrections are revisions of their own, and labels come from the project's list where it is closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from reviews import states
from reviews.models import Approval, Decision, FeedbackExample, ReasonLabel
from reviews.selectors.feedback import taxonomy
from reviews.serializers.feedback import line_of
from reviews.services.decisions import InvalidDecision, Ruling, decide
from reviews.services.feedback_corrections import InvalidCorrection, NotToCorrect, Undecided, correct
from reviews.services.feedback_labels import InvalidLabels, LabelDraft, save_taxonomy
from reviews.services.outcomes import record_outcome
from tests.reviews.conftest import NOON, make_person

pytestmark = pytest.mark.django_db
SOON, LATER = NOON + timedelta(minutes=1), NOON + timedelta(hours=1)
REJECT = Ruling(verdict=states.Verdict.REJECT, reason="too much", labels=("amount",))
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
Make = Callable[..., Approval]


@pytest.fixture
def rejected(request_one: Make, ana: Caller) -> Approval:
    approval = request_one()
    decide(approval=approval, by=ana, ruling=REJECT, now=SOON)
    return approval


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


def saved(project: Project, by: Caller, *names: str, closed: bool = False) -> None:
    labels = [LabelDraft(name) for name in names]
    save_taxonomy(project=project, labels=labels, closed=closed, reviewer_names=False, by=by, now=NOON)


def newest(approval: Approval) -> FeedbackExample:
    return FeedbackExample.objects.filter(approval=approval).with_parts().latest("revision")


def test_a_correction_is_a_new_revision_and_changes_nothing_else(rejected: Approval, ana: Caller) -> None:
    first = newest(rejected)
    correct(approval=rejected, item=0, by=ana, labels=["target", "target "], reason="wrong order", now=LATER)
    last = newest(rejected)
    assert (last.revision, last.cause, last.labels, last.reason) == (2, "correction", ["target"], "wrong order")
    kept = FeedbackExample.objects.with_parts().get(pk=first.pk)
    assert (kept.labels, kept.reason) == (["amount"], "too much")
    decision = Decision.objects.get(approval=rejected)
    assert (decision.labels, decision.reason) == (["amount"], "too much")
    audit = AuditEvent.objects.get(action="feedback.corrected")
    assert audit.detail["labels"] == {"from": ["amount"], "to": ["target"]}
    line = line_of(last)
    assert line["correction"]["by"]["role"] == "reviewer"
    assert line["correction"]["by"]["id"] == line["reviewer"]["id"]
    assert "name" not in line["correction"]["by"]
    assert line_of(last, names=True)["correction"]["by"]["name"] == "Ana"


def test_an_outcome_that_comes_after_a_correction_keeps_it_and_the_other_way_round(
    request_one: Make, ana: Caller, agent: Caller
) -> None:
    approval = request_one()
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    correct(approval=approval, item=0, by=ana, labels=["hasty"], reason=None, now=LATER)
    record_outcome(approval=approval, by=agent, status="failed", detail={}, now=LATER)
    correct(approval=approval, item=0, by=ana, labels=None, reason="should have asked", now=LATER)
    seen = FeedbackExample.objects.filter(approval=approval).with_parts().order_by("revision")
    assert [(one.cause, one.labels, one.reason, (one.outcome or {}).get("status")) for one in seen] == [
        ("decision", [], "", None),
        ("correction", ["hasty"], "", None),
        ("outcome", ["hasty"], "", "failed"),
        ("correction", ["hasty"], "should have asked", "failed"),
    ]


def test_saying_the_same_again_adds_nothing(rejected: Approval, ana: Caller) -> None:
    correct(approval=rejected, item=0, by=ana, labels=["amount"], reason=None, now=LATER)
    assert FeedbackExample.objects.count() == 1
    assert not AuditEvent.objects.filter(action="feedback.corrected").exists()


def test_whoever_decided_and_leads_correct_and_nobody_else(
    rejected: Approval, ana: Caller, ben: Caller, lead: Caller, agent: Caller
) -> None:
    for other in (ben, agent):
        with pytest.raises(NotToCorrect):
            correct(approval=rejected, item=0, by=other, labels=["x"], reason=None, now=LATER)
    assert correct(approval=rejected, item=0, by=lead, labels=["x"], reason=None, now=LATER).revision == 2
    assert correct(approval=rejected, item=0, by=ana, labels=["y"], reason=None, now=LATER).revision == 3


def test_what_nobody_decided_cannot_be_corrected(request_one: Make, lead: Caller) -> None:
    with pytest.raises(Undecided):
        correct(approval=request_one(), item=0, by=lead, labels=["x"], reason=None, now=LATER)


def test_a_rejection_keeps_a_reason(rejected: Approval, ana: Caller) -> None:
    with pytest.raises(InvalidCorrection) as error:
        correct(approval=rejected, item=0, by=ana, labels=None, reason="  ", now=LATER)
    assert set(error.value.errors) == {"reason"}


def test_a_closed_list_refuses_other_labels_but_what_the_agent_offered(
    request_one: Make, project: Project, ana: Caller, lead: Caller
) -> None:
    saved(project, lead, "amount", closed=True)
    offers = {"reject_options": [{"name": "late", "title": "Too late"}]}
    approval = request_one(context=offers)
    with pytest.raises(InvalidDecision) as error:
        decide(
            approval=approval,
            by=ana,
            ruling=Ruling(verdict=states.Verdict.REJECT, reason="no", labels=("amount", "mood")),
            now=SOON,
        )
    assert "mood" in error.value.errors["labels"][0]
    ruling = Ruling(verdict=states.Verdict.REJECT, reason="no", labels=("amount", "late"))
    assert isinstance(decide(approval=approval, by=ana, ruling=ruling, now=SOON), Decision)
    with pytest.raises(InvalidCorrection):
        correct(approval=approval, item=0, by=ana, labels=["mood"], reason=None, now=LATER)


def test_a_label_that_is_retired_stays_on_its_examples_and_comes_back_as_itself(
    project: Project, rejected: Approval, ana: Caller, lead: Caller
) -> None:
    saved(project, lead, "amount", "target")
    known = ReasonLabel.objects.get(name="amount").pk
    saved(project, lead, "target", closed=True)
    assert taxonomy(project).names == ["target"]
    kept = correct(approval=rejected, item=0, by=ana, labels=["amount", "target"], reason=None, now=LATER)
    assert kept.labels == ["amount", "target"]
    saved(project, lead, "Amount", "target")
    assert taxonomy(project).names == ["Amount", "target"]
    assert ReasonLabel.objects.get(name="Amount").pk == known
    assert AuditEvent.objects.filter(action="feedback.settings").count() == 3


def test_a_list_that_is_too_long_is_refused_whole(project: Project, lead: Caller) -> None:
    saved(project, lead, "amount")
    with pytest.raises(InvalidLabels):
        saved(project, lead, *(f"label {number}" for number in range(51)))
    with pytest.raises(InvalidLabels):
        saved(project, lead, "x" * 101)
    assert taxonomy(project).names == ["amount"]
