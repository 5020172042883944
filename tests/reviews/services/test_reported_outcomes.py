"""Outcomes that spans report, from the pipeline of telemetry to the labelled example; and what a trace had used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from metrics.ingest.reported import reported
from metrics.models import ReportedOutcome
from metrics.services import reported_outcomes
from reviews import states
from reviews.models import Approval, ApprovalEvent, FeedbackExample
from reviews.serializers.feedback import line_of
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome, take_reported
from tests.metrics.sending import NOW, Sending
from tests.reviews.conftest import make_project

pytestmark = pytest.mark.django_db
ASKED, DECIDED = NOW - timedelta(minutes=4), NOW - timedelta(minutes=3)
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
Make = Callable[..., Approval]


@pytest.fixture
def sending(project: Project) -> Sending:
    return Sending(project)


@pytest.fixture
def approved(request_one: Make, ana: Caller) -> Approval:
    approval = request_one(now=ASKED)
    decide(approval=approval, by=ana, ruling=APPROVE, now=DECIDED)
    return approval


def said(approval: object, status: str = "failed", **detail: Any) -> dict[str, Any]:
    found = {"handrail.approval.id": str(approval), "handrail.outcome.status": status}
    return found | ({"handrail.outcome.detail": detail} if detail else {})


def newest(approval: Approval) -> FeedbackExample:
    return FeedbackExample.objects.filter(approval=approval).with_parts().latest("revision")


def test_a_span_that_reports_an_outcome_adds_a_revision(approved: Approval, sending: Sending) -> None:
    span = sending.span("refund", attributes=said(approved.pk, code=7))
    sending.send([span])
    assert take_reported(now=NOW) == 1
    line = line_of(newest(approved))
    assert (line["revision"], line["cause"]) == (2, "outcome")
    outcome = line["outcome"]
    assert (outcome["status"], outcome["detail"], outcome["source"]) == ("failed", {"code": 7}, "trace")
    event = ApprovalEvent.objects.get(kind="outcome")
    assert (event.actor_label, event.detail["span_id"]) == ("trace", span.span_id.hex())


def test_a_span_that_is_sent_again_says_nothing_new(approved: Approval, agent: Caller, sending: Sending) -> None:
    span = sending.span("refund", attributes=said(approved.pk, "succeeded"))
    sending.send([span])
    take_reported(now=NOW)
    record_outcome(approval=approved, by=agent, status="reverted", detail={}, now=NOW)
    sending.send([span])
    assert take_reported(now=NOW) == 0
    assert newest(approved).outcome["status"] == "reverted"  # type: ignore[index]


def test_a_report_that_is_older_than_what_is_known_changes_nothing(
    approved: Approval, agent: Caller, sending: Sending
) -> None:
    record_outcome(approval=approved, by=agent, status="reverted", detail={}, now=NOW)
    sending.send([sending.span("refund", attributes=said(approved.pk, "succeeded"))])
    assert take_reported(now=NOW) == 1
    assert newest(approved).outcome["status"] == "reverted"  # type: ignore[index]


def test_reports_that_fit_nothing_are_passed_over(approved: Approval, request_one: Make, sending: Sending) -> None:
    waiting = request_one(now=NOW)
    stranger = Sending(make_project("bank"))
    stranger.send([stranger.span("theirs", attributes=said(approved.pk))])
    sending.send(
        [
            sending.span("no such status", attributes=said(approved.pk, "fine")),
            sending.span("no id", attributes=said("nonsense")),
            sending.span("unknown", attributes=said("01890000-0000-7000-8000-000000000000")),
            sending.span("waits", attributes=said(waiting.pk)),
        ]
    )
    assert take_reported(now=NOW) == 5
    assert newest(approved).revision == 1
    assert take_reported(now=NOW) == 0


@pytest.mark.parametrize(
    ("detail", "kept"),
    [
        ('{"code": 7}', {"code": 7}),
        ("card was declined", {"note": "card was declined"}),
        ("x" * 20_000, {"omitted": "longer than 16384 bytes"}),
        ("a\x00b", {"omitted": "holds NUL characters"}),
    ],
)
def test_details_come_as_maps_json_or_words(sending: Sending, detail: str, kept: dict[str, Any]) -> None:
    span = sending.span("x", attributes={**said("a"), "handrail.outcome.detail": detail})
    found = reported(span)
    assert found is not None
    assert found.detail == kept


@pytest.mark.parametrize(
    "wrong", [{"handrail.outcome.status": 3}, {"handrail.approval.id": ""}, {"handrail.approval.id": "a\x00"}]
)
def test_what_makes_no_sense_is_no_report(sending: Sending, wrong: dict[str, Any]) -> None:
    assert reported(sending.span("x", attributes={**said("a"), **wrong})) is None


def test_details_are_masked_as_telemetry_is(approved: Approval, sending: Sending) -> None:
    sending.send([sending.span("refund", attributes=said(approved.pk, card="4111 1111 1111 1111", code=7))])
    detail = ReportedOutcome.objects.get().detail
    assert "4111" not in detail["card"]
    assert detail["code"] == 7


def test_spans_without_a_report_cost_no_statement(sending: Sending) -> None:
    sending.send([sending.call()])
    with CaptureQueriesContext(connection) as seen:
        sending.send([sending.call()])
    assert not [query for query in seen.captured_queries if "reported_outcome" in query["sql"]]


def test_reports_are_forgotten_after_a_while(approved: Approval, sending: Sending) -> None:
    sending.send([sending.span("refund", attributes=said(approved.pk))])
    assert reported_outcomes.forget(now=NOW + timedelta(days=30)) == 0
    take_reported(now=NOW)
    assert reported_outcomes.forget(now=NOW + timedelta(days=1)) == 0
    assert reported_outcomes.forget(now=NOW + timedelta(days=30)) == 1


def test_an_example_says_what_its_trace_had_used_when_it_was_written(
    request_one: Make, ana: Caller, agent: Caller, sending: Sending
) -> None:
    call = sending.call()
    sending.send([call])
    approval = request_one(now=ASKED, trace_id=call.trace_id.hex())
    decide(approval=approval, by=ana, ruling=APPROVE, now=DECIDED)
    first = line_of(newest(approval))
    assert first["models"] == ["gpt-4o-mini"]
    assert float(first["cost_usd"]) > 0
    sending.send([sending.call(call, model="gpt-4o")])
    record_outcome(approval=approval, by=agent, status="succeeded", detail={}, now=NOW)
    second = line_of(newest(approval))
    assert sorted(second["models"]) == ["gpt-4o", "gpt-4o-mini"]
    assert float(second["cost_usd"]) > float(first["cost_usd"])
    kept = FeedbackExample.objects.with_parts().get(approval=approval, revision=1)
    assert line_of(kept)["cost_usd"] == first["cost_usd"]


def test_an_example_without_a_known_trace_says_nothing_of_its_cost(request_one: Make, ana: Caller) -> None:
    approval = request_one(now=ASKED, trace_id="f" * 32)
    decide(approval=approval, by=ana, ruling=APPROVE, now=DECIDED)
    line = line_of(newest(approval))
    assert (line["models"], line["cost_usd"]) == ([], None)
