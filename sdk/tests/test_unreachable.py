"""What happens to an action when Handrail cannot be asked is the caller's choice, and raising is the default."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from loopback import KEY, Loopback

from handrail import (
    Approval,
    ApprovalRejected,
    AsyncHandrail,
    Handrail,
    HandrailError,
    RetryPolicy,
    Unreachable,
    approval_required,
)

IMPATIENT = RetryPolicy(base_seconds=0.001, cap_seconds=0.01, patience_seconds=0.05, wait_patience_seconds=0.05)
Ask = Callable[..., Approval]


def ask_and_wait(kind: str, url: str, after_asking: Callable[[], None] = lambda: None, **options: Any) -> Approval:
    """One request and its wait, with either client; something may happen in between."""
    mode = options.pop("on_unreachable", "raise")
    if kind == "blocking":
        with Handrail(url, KEY, retry=IMPATIENT, on_unreachable=mode) as client:
            requested = client.request_approval("refund", {"amount": 5}, **options)
            after_asking()
            return requested.wait()

    async def both() -> Approval:
        async with AsyncHandrail(url, KEY, retry=IMPATIENT, on_unreachable=mode) as client:
            requested = await client.request_approval("refund", {"amount": 5}, **options)
            after_asking()
            return await requested.wait()

    return asyncio.run(both())


@pytest.fixture
def nowhere() -> str:
    with Loopback() as gone:
        return gone.url


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_raising_is_the_default(nowhere: str, kind: str) -> None:
    with pytest.raises(Unreachable):
        ask_and_wait(kind, nowhere)


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_rejecting_raises_as_a_persons_rejection_does_and_says_why(nowhere: str, kind: str) -> None:
    with pytest.raises(ApprovalRejected, match="could not be reached") as caught:
        ask_and_wait(kind, nowhere, on_unreachable="reject")
    assert caught.value.approval.decided_here


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_low_risk_is_approved_on_the_callers_word(nowhere: str, kind: str) -> None:
    approval = ask_and_wait(kind, nowhere, on_unreachable="approve-if-low-risk", low_risk=True)
    assert approval.final_arguments == {"amount": 5}
    assert approval.decided_here
    with pytest.raises(Unreachable):
        ask_and_wait(kind, nowhere, on_unreachable="approve-if-low-risk")


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_low_risk_is_approved_on_the_servers_word_when_it_goes_away_during_the_wait(
    server: Loopback, kind: str
) -> None:
    approval = ask_and_wait(kind, server.url, server.stop, on_unreachable="approve-if-low-risk")
    assert approval.id in server.approvals
    assert approval.final_arguments == {"amount": 5}


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
def test_what_the_server_calls_risky_is_not_approved(server: Loopback, kind: str) -> None:
    server.on_create = lambda approval: approval["risk"].update(level="high")
    with pytest.raises(Unreachable):
        ask_and_wait(kind, server.url, server.stop, on_unreachable="approve-if-low-risk")


def test_one_request_may_choose_otherwise_than_its_client(nowhere: str) -> None:
    with Handrail(nowhere, KEY, retry=IMPATIENT, on_unreachable="reject") as client:
        with pytest.raises(Unreachable):
            client.request_approval("refund", on_unreachable="raise")
        assert client.request_approval("refund").status == "rejected"


def test_each_action_of_a_batch_is_decided_alike(nowhere: str) -> None:
    with Handrail(nowhere, KEY, retry=IMPATIENT, on_unreachable="approve-if-low-risk") as client:
        decided = client.request_batch([{"action": "a", "arguments": {"n": 1}}, {"action": "b"}], low_risk=True).wait()
    assert [(each.action, each.status, each.decision and each.decision.arguments) for each in decided.items] == [
        ("a", "approved", {"n": 1}),
        ("b", "approved", {}),
    ]


def test_a_misspelt_choice_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="approve-if-low-risk"):
        Handrail("http://127.0.0.1:1", KEY, on_unreachable="approve")  # type: ignore[arg-type]


def test_a_decorated_function_runs_once_without_a_receipt_where_its_caller_said_so(
    nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[float] = []
    with Handrail(nowhere, KEY, retry=IMPATIENT) as client:

        @approval_required(client=client, on_unreachable="approve-if-low-risk", low_risk=True)
        def refund(amount: float) -> None:
            ran.append(amount)

        refund(5.0)
    assert ran == [5.0]
    assert "approved as of low risk here, by on_unreachable" in caplog.text
    assert "outcome" not in caplog.text


def test_a_key_is_asked_once_also_when_the_body_differs_and_after_a_restart(server: Loopback) -> None:
    for trace in ("ab" * 16, "cd" * 16):
        with Handrail(server.url, KEY) as client:
            client.request_approval("refund", session_id="s", idempotency_key="k", trace_id=trace)
            client.request_approval("refund", session_id="s", idempotency_key="other")
            client.request_approval("refund", session_id="t", idempotency_key="third")
    assert len(server.approvals) == 3


def test_a_key_does_not_stand_for_other_arguments(server: Loopback) -> None:
    with Handrail(server.url, KEY) as client:
        client.request_approval("refund", {"amount": 5}, session_id="s", idempotency_key="k")
        assert client.request_approval("refund", {"amount": 5.0}, session_id="s", idempotency_key="k").is_open
        for action, arguments in (("refund", {"amount": 6}), ("pay", {"amount": 5})):
            with pytest.raises(HandrailError, match="used for another request"):
                client.request_approval(action, arguments, session_id="s", idempotency_key="k")
        with pytest.raises(HandrailError, match="used for another request"):
            client.request_batch([{"action": "refund"}] * 2, session_id="s", idempotency_key="k")
    assert len(server.approvals) == 1


def test_what_expired_is_asked_anew_under_the_same_key(server: Loopback) -> None:
    with Handrail(server.url, KEY) as client:
        first = client.request_approval("refund", session_id="s", idempotency_key="k")
        server.expire(first.id)
        second = client.request_approval("refund", session_id="s", idempotency_key="k")
        assert second.id != first.id
        assert client.request_approval("refund", session_id="s", idempotency_key="k").id == second.id


def test_two_that_ask_with_one_key_in_the_same_moment_get_the_same_request(server: Loopback) -> None:
    """The second looked before the first had asked: its own body is refused, and it looks again."""
    with Handrail(server.url, KEY) as first, Handrail(server.url, KEY) as second:
        asked: list[str] = []
        found = server.approvals
        server.approvals = {}

        def race(approval: dict[str, Any]) -> None:
            server.on_create = lambda _: None
            found.update(server.approvals)

        server.on_create = race
        asked.append(first.request_approval("refund", session_id="s", idempotency_key="k", summary="one").id)
        server.approvals = Late(server)
        server.approvals.update(found)
        asked.append(second.request_approval("refund", session_id="s", idempotency_key="k", summary="two").id)
    assert asked[0] == asked[1]


class Late(dict[str, Any]):
    """Shows nothing to the first reader."""

    def __init__(self, server: Loopback) -> None:
        super().__init__()
        self._looked = 0

    def values(self) -> Any:
        self._looked += 1
        return {}.values() if self._looked == 1 else super().values()
