"""Both clients against a server that keeps the wire contract."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from faces import QUICK, Face
from loopback import KEY, Fault, Loopback

from handrail import (
    ApprovalCancelled,
    ApprovalExpired,
    ApprovalRejected,
    AsyncHandrail,
    Handrail,
    HandrailError,
    RetryPolicy,
    Unreachable,
    WaitTimeout,
)

IMPATIENT = RetryPolicy(base_seconds=0.001, cap_seconds=0.01, patience_seconds=0.05, wait_patience_seconds=0.05)


def meanwhile(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def when_waiting(server: Loopback, act: Callable[[], object]) -> threading.Thread:
    """Act as soon as somebody waits for a decision."""

    def run() -> None:
        server.until(lambda: server.waiting)
        act()

    return meanwhile(run)


def test_a_request_carries_what_the_agent_said_and_nothing_it_did_not_say(server: Loopback, face: Face) -> None:
    approval = face.ask(
        "process_refund",
        {"amount": 120},
        summary="Refund 120 EUR",
        context={"tier": "vip"},
        agent="support",
        confidence=0.62,
        tags=["vip"],
        timeout_seconds=300,
        trace_id="ab" * 16,
    )
    sent = server.seen[0].json()
    assert sent == {
        "action": "process_refund",
        "arguments": {"amount": 120},
        "summary": "Refund 120 EUR",
        "context": {"tier": "vip"},
        "agent": {"name": "support"},
        "confidence": 0.62,
        "tags": ["vip"],
        "timeout_seconds": 300,
        "trace_id": "ab" * 16,
    }
    assert approval.is_open
    assert approval.risk is not None
    assert approval.risk.factors[0].weight == 0.2
    assert approval.policy_version == "1"
    assert approval.requested_at is not None
    assert approval.requested_at.utcoffset() is not None
    assert approval.url.startswith(server.url)


def test_a_wait_returns_the_edit_that_a_reviewer_made(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {"amount": 120})
    deciding = when_waiting(server, lambda: server.decide(approval.id, "edit", arguments={"amount": 80}))
    decided = face.wait(approval.id)
    deciding.join()
    assert decided.final_arguments == {"amount": 80}
    assert decided.decision is not None
    assert [reviewer.name for reviewer in decided.decision.reviewers] == ["Rita"]
    assert server.seen[-1].query == {"wait": ["60"]}


def test_an_answer_comes_back_in_place_of_permission(server: Loopback, face: Face) -> None:
    approval = face.ask("lookup", {})
    server.decide(approval.id, "respond", message="Ask billing instead")
    decided = face.wait(approval.id)
    assert decided.answer == "Ask billing instead"
    with pytest.raises(HandrailError, match="must not run"):
        _ = decided.final_arguments


def test_a_rejection_raises_with_the_reason(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {"amount": 120})
    server.decide(approval.id, "reject", reason="Outside the return window")
    with pytest.raises(ApprovalRejected) as caught:
        face.wait(approval.id)
    assert caught.value.reason == "Outside the return window"
    assert caught.value.approval.status == "rejected"


def test_expiry_is_neither_approval_nor_rejection(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {})
    server.expire(approval.id)
    with pytest.raises(ApprovalExpired) as caught:
        face.wait(approval.id)
    assert caught.value.approval.decision is None


def test_a_cancelled_request_raises_for_those_who_still_wait(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {})
    assert face.cancel(approval.id, "not needed").status == "cancelled"
    assert server.seen[-1].json() == {"reason": "not needed"}
    with pytest.raises(ApprovalCancelled):
        face.wait(approval.id)


def test_cancelling_what_is_decided_names_the_winner(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {})
    server.decide(approval.id, "approve")
    with pytest.raises(HandrailError) as caught:
        face.cancel(approval.id)
    assert caught.value.status == 409
    assert caught.value.extra == {"decided_by": "Rita", "verdict": "approve"}


def test_a_wait_that_times_out_leaves_the_request_open(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {})
    with pytest.raises(WaitTimeout) as caught:
        face.wait(approval.id, timeout=0)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.approval.is_open
    assert face.get(approval.id).is_open


def test_a_wait_survives_a_restart_of_the_server(server: Loopback, face: Face) -> None:
    approval = face.ask("process_refund", {"amount": 120})

    def restart() -> None:
        server.stop()
        server.start()
        server.until(lambda: server.waiting)
        server.decide(approval.id, "approve")

    restarting = when_waiting(server, restart)
    assert face.wait(approval.id).final_arguments == {"amount": 120}
    restarting.join()
    assert len(server.requests("GET", f"/api/v1/approvals/{approval.id}")) >= 2


@pytest.mark.parametrize("fault", [Fault(503), Fault(429, {"Retry-After": "0"}), Fault(502), Fault(drop="before")])
def test_a_transient_fault_is_retried_with_the_same_idempotency_key(server: Loopback, face: Face, fault: Fault) -> None:
    server.faults.extend([fault, fault])
    face.ask("process_refund", {"amount": 1})
    keys = {each.headers["idempotency-key"] for each in server.requests("POST", "/api/v1/approvals")}
    assert len(server.seen) == 3
    assert len(keys) == 1


def test_a_request_whose_answer_was_lost_is_made_once(server: Loopback, face: Face) -> None:
    server.faults.append(Fault(drop="after"))
    approval = face.ask("process_refund", {"amount": 1})
    assert list(server.approvals) == [approval.id]


def test_two_requests_have_two_idempotency_keys(server: Loopback, face: Face) -> None:
    assert face.ask("restart", {}).id != face.ask("restart", {}).id


def test_a_refusal_names_the_fields(server: Loopback, face: Face) -> None:
    with pytest.raises(HandrailError) as caught:
        face.ask("")
    assert caught.value.status == 422
    assert caught.value.errors == {"action": ("This field is required.",)}
    assert "action: This field is required" in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_a_wrong_key_is_refused_at_once(server: Loopback, make_face: Callable[..., Face], kind: str) -> None:
    with pytest.raises(HandrailError) as caught:
        make_face(kind, server.url, "hr_wrong").ask("restart")
    assert caught.value.status == 401
    assert "hr_wrong" not in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_a_server_that_stays_away_raises_unreachable(make_face: Callable[..., Face], kind: str) -> None:
    with Loopback() as server:
        url = server.url
    with pytest.raises(Unreachable, match="no answer after"):
        make_face(kind, url, KEY, IMPATIENT).ask("restart")


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_a_server_that_asks_for_more_time_than_there_is_raises_at_once(
    server: Loopback, make_face: Callable[..., Face], kind: str
) -> None:
    server.faults.append(Fault(503, {"Retry-After": "3600"}))
    with pytest.raises(Unreachable) as caught:
        make_face(kind, server.url, KEY, IMPATIENT).ask("restart")
    assert caught.value.status == 503
    assert len(server.seen) == 1


def test_an_outcome_is_recorded(server: Loopback, face: Face) -> None:
    approval = face.ask("restart", {})
    server.decide(approval.id, "approve")
    face.outcome(approval.id, "succeeded", {"took_seconds": 3})
    assert face.get(approval.id).outcome == {"status": "succeeded", "detail": {"took_seconds": 3}}


def example(number: int) -> dict[str, Any]:
    return {
        "id": f"example-{number}",
        "revision": 1,
        "cursor": str(number + 1),
        "approval_id": f"approval-{number}",
        "action": "process_refund",
        "proposed_arguments": {"amount": 100 + number},
        "final_arguments": {"amount": 100},
        "verdict": "edit",
        "reason": "Größer als erlaubt",
        "labels": ["too-much"],
        "context": {},
        "decided_at": "2026-01-02T03:04:05Z",
        "outcome": None,
    }


def test_feedback_yields_typed_examples_after_the_cursor(server: Loopback, face: Face) -> None:
    server.examples = [example(number) for number in range(3)]
    found = face.feedback(cursor="1", include="undecided")
    assert [each.id for each in found] == ["example-1", "example-2"]
    assert found[0].proposed_arguments == {"amount": 101}
    assert found[0].labels == ("too-much",)
    assert found[0].reason == "Größer als erlaubt"
    assert found[-1].cursor == "3"
    assert server.seen[0].query == {"include": ["undecided"], "cursor": ["1"]}


@pytest.mark.parametrize("cut_after", [0, 1, 400, 500])
def test_a_broken_feedback_stream_goes_on_where_it_broke(server: Loopback, face: Face, cut_after: int) -> None:
    server.examples = [example(number) for number in range(5)]
    server.faults.append(Fault(cut_after=cut_after))
    assert [each.id for each in face.feedback()] == [f"example-{number}" for number in range(5)]
    assert len(server.seen) == 2


def test_following_feedback_yields_what_comes_later(server: Loopback, blocking: Handrail) -> None:
    server.examples = [example(0)]
    followed = blocking.feedback(follow=True)
    assert next(followed).id == "example-0"

    def later() -> None:
        server.until(lambda: len(server.seen) == 2)
        server.stop()
        server.start()
        with server.changed:
            server.examples.append(example(1))
            server.changed.notify_all()

    coming = meanwhile(later)
    assert next(followed).id == "example-1"
    coming.join()
    followed.close()  # type: ignore[attr-defined]
    assert server.seen[1].query == {"wait": ["60"], "cursor": ["1"]}


def test_feedback_without_the_scope_raises(server: Loopback, make_face: Callable[..., Face]) -> None:
    with pytest.raises(HandrailError) as caught:
        make_face("blocking", server.url, "hr_wrong").feedback()
    assert caught.value.status == 401


def test_the_environment_names_the_server(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_URL", server.url + "/")
    monkeypatch.setenv("HANDRAIL_API_KEY", KEY)
    with Handrail() as client:
        assert client.request_approval("restart").is_open


def test_a_missing_address_says_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANDRAIL_URL", raising=False)
    monkeypatch.delenv("HANDRAIL_API_KEY", raising=False)
    for client in (Handrail, AsyncHandrail):
        with pytest.raises(HandrailError, match="HANDRAIL_URL and HANDRAIL_API_KEY"):
            client()


def test_a_misspelt_option_is_an_error_and_nothing_is_sent(server: Loopback, blocking: Handrail) -> None:
    with pytest.raises(TypeError, match="timeout_secs"):
        blocking.request_approval("restart", timeout_secs=3)  # type: ignore[call-arg]
    assert server.seen == []


def test_what_json_cannot_carry_is_an_error_and_nothing_is_sent(server: Loopback, blocking: Handrail) -> None:
    for value in (object(), float("nan")):
        with pytest.raises(HandrailError, match="JSON"):
            blocking.request_approval("restart", {"service": value})
    assert server.seen == []


async def test_one_client_carries_many_waits_at_once(server: Loopback) -> None:
    async with AsyncHandrail(server.url, KEY, retry=QUICK) as client:
        asked = [await client.request_approval("restart", {"n": number}) for number in range(30)]
        waits = [asyncio.create_task(approval.wait()) for approval in asked]
        await asyncio.to_thread(server.until, lambda: server.waiting == 30)
        for approval in asked:
            server.decide(approval.id, "approve")
        assert [each.final_arguments["n"] for each in await asyncio.gather(*waits)] == list(range(30))
