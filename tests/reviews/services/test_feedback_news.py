"""Webhooks hear of labelled examples, where somebody wants to; people only where a rule names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from agents.authentication import Caller
from agents.messages import EVENTS
from agents.models import Channel, ChannelRule, OutboxEvent, Project
from agents.services.routing import matches
from reviews import states
from reviews.models import Approval
from reviews.services.decisions import Ruling, decide
from reviews.services.expiry import expire_due
from reviews.services.feedback_corrections import correct
from reviews.services.outcomes import record_outcome
from tests.reviews.conftest import NOON

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=1)
REJECT = Ruling(verdict=states.Verdict.REJECT, reason="no", labels=("amount",))
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
Make = Callable[..., Approval]
CREATED = "feedback.created"


def channel(project: Project, kind: str, *events: str) -> ChannelRule:
    made = Channel.objects.create(project=project, name=f"{kind} {events}", kind=kind, created_at=NOON)
    return ChannelRule.objects.create(channel=made, events=list(events), created_at=NOON)


def told() -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(type=CREATED).order_by("id"))


def test_a_webhook_hears_of_each_revision(request_one: Make, project: Project, ana: Caller, agent: Caller) -> None:
    channel(project, Channel.Kind.WEBHOOK)
    approval = request_one(agent="bot", agent_version="2")
    decide(approval=approval, by=ana, ruling=APPROVE, now=SOON)
    record_outcome(approval=approval, by=agent, status="failed", detail={}, now=SOON)
    correct(approval=approval, item=0, by=ana, labels=["hasty"], reason=None, now=SOON)
    documents = [event.data for event in told()]
    assert [(one["revision"], one["cause"], one["outcome"], one["labels"]) for one in documents] == [
        (1, "decision", None, []),
        (2, "outcome", "failed", []),
        (3, "correction", "failed", ["hasty"]),
    ]
    assert documents[0]["id"] == f"{approval.pk}:0"
    assert documents[0]["url"].endswith(f"/p/shop/feedback/{approval.pk}/0/")
    assert "cursor" not in documents[0]
    assert "Ana" not in str(documents)


def test_nothing_is_written_where_nobody_wants_it(request_one: Make, project: Project, ana: Caller) -> None:
    channel(project, Channel.Kind.EMAIL)
    switched_off = channel(project, Channel.Kind.WEBHOOK).channel
    Channel.objects.filter(pk=switched_off.pk).update(enabled=False)
    decide(approval=request_one(), by=ana, ruling=REJECT, now=SOON)
    assert told() == []


def test_what_nobody_decided_is_not_told(request_one: Make, project: Project) -> None:
    channel(project, Channel.Kind.WEBHOOK)
    request_one()
    expire_due(now=NOON + timedelta(hours=1))
    assert told() == []


def test_a_rule_for_everything_tells_people_once_and_programs_all(
    request_one: Make, project: Project, ana: Caller
) -> None:
    everything, named = channel(project, Channel.Kind.EMAIL), channel(project, Channel.Kind.EMAIL, CREATED)
    webhook = channel(project, Channel.Kind.WEBHOOK)
    decide(approval=request_one(), by=ana, ruling=REJECT, now=SOON)
    [event] = told()
    assert [matches(rule, event) for rule in (everything, named, webhook)] == [False, True, True]
    assert CREATED in EVENTS
