"""A decorated function runs only with what a person allowed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from faces import QUICK
from loopback import KEY, Fault, Loopback

from handrail import ApprovalExpired, ApprovalRejected, AsyncHandrail, Handrail, HandrailError, RetryPolicy
from handrail import approval_required as required


@pytest_asyncio.fixture
async def awaiting(server: Loopback) -> AsyncIterator[AsyncHandrail]:
    async with AsyncHandrail(server.url, KEY, retry=QUICK) as client:
        yield client


def decide_all(server: Loopback, verdict: str, **decision: Any) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], verdict, **decision)


def only(server: Loopback) -> dict[str, Any]:
    (approval,) = server.approvals.values()
    return approval


def test_an_approved_call_runs_as_it_was_made_and_its_success_is_recorded(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "approve")

    @required(client=blocking, summary="Refund {amount} for {order}")
    def refund(order: str, amount: float, note: str = "sorry") -> str:
        """Pay money back."""
        return f"{order} {amount} {note}"

    assert refund("o-1", amount=12.5) == "o-1 12.5 sorry"
    sent = server.seen[0].json()
    assert sent["action"] == "refund"
    assert sent["arguments"] == {"order": "o-1", "amount": 12.5, "note": "sorry"}
    assert sent["summary"] == "Refund 12.5 for o-1"
    assert only(server)["outcome"] == {"status": "succeeded", "detail": {}}
    assert refund.__doc__ == "Pay money back."


def test_an_edited_call_runs_with_the_edit(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "edit", arguments={"order": "o-1", "amount": 5, "extra": [1]})

    @required("process_refund", client=blocking)
    def refund(order: str, amount: float, note: str = "sorry", **more: Any) -> tuple[Any, ...]:
        return order, amount, note, more

    assert refund("o-1", 12.5, note="x") == ("o-1", 5, "sorry", {"extra": [1]})
    assert server.seen[0].json()["action"] == "process_refund"


async def test_a_coroutine_function_runs_with_the_edit_too(server: Loopback, awaiting: AsyncHandrail) -> None:
    decide_all(server, "edit", arguments={"service": "api"})

    @required(client=awaiting)
    async def restart(service: str) -> str:
        return f"restarted {service}"

    assert await restart("web") == "restarted api"
    assert only(server)["outcome"]["status"] == "succeeded"


def test_an_answer_is_returned_and_the_function_does_not_run(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "respond", message="The order is already refunded")

    @required(client=blocking)
    def refund(order: str) -> str:
        raise AssertionError("must not run")

    assert refund("o-1") == "The order is already refunded"
    assert only(server)["outcome"] is None


def test_a_rejection_raises_and_the_function_does_not_run(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "reject", reason="no")
    ran = []

    @required(client=blocking)
    def refund(order: str) -> None:
        ran.append(order)

    with pytest.raises(ApprovalRejected, match="no"):
        refund("o-1")
    assert ran == []


async def test_expiry_raises_and_the_coroutine_does_not_run(server: Loopback, awaiting: AsyncHandrail) -> None:
    server.on_create = lambda approval: server.expire(approval["id"])
    ran = []

    @required(client=awaiting)
    async def refund(order: str) -> None:
        ran.append(order)

    with pytest.raises(ApprovalExpired):
        await refund("o-1")
    assert ran == []


def test_a_failure_of_the_function_is_recorded_and_raised(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "approve")

    @required(client=blocking)
    def refund(order: str) -> None:
        raise ZeroDivisionError("gateway")

    with pytest.raises(ZeroDivisionError):
        refund("o-1")
    error = {"type": "ZeroDivisionError", "message": "gateway"}
    assert only(server)["outcome"] == {"status": "failed", "detail": {"error": error}}


def test_a_failure_that_cannot_be_put_into_words_is_recorded_and_raised(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "approve")

    class Speechless(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    @required(client=blocking)
    def refund(order: str) -> None:
        raise Speechless

    with pytest.raises(Speechless):
        refund("o-1")
    assert only(server)["outcome"]["status"] == "failed"
    assert only(server)["outcome"]["detail"]["error"]["message"] == ""


def test_the_end_of_an_iterator_reaches_the_caller_as_it_is(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "approve")

    @required(client=blocking)
    def refund(order: str) -> str:
        return next(iter(()))

    with pytest.raises(StopIteration):
        refund("o-1")
    assert only(server)["outcome"]["detail"]["error"]["type"] == "StopIteration"


async def test_a_cancelled_coroutine_is_cancelled_and_its_outcome_left_open(
    server: Loopback, awaiting: AsyncHandrail
) -> None:
    decide_all(server, "approve")
    started = asyncio.Event()

    @required(client=awaiting)
    async def refund(order: str) -> None:
        started.set()
        await asyncio.Event().wait()

    running = asyncio.ensure_future(refund("o-1"))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert only(server)["outcome"] is None


@pytest.mark.parametrize(
    ("proposed", "edited"),
    [
        (1, 1.0),
        (1, True),
        ({"a": True}, {"a": 1}),
        ({"a": [0]}, {"a": [False]}),
        ([{"a": 1}], [{"a": 1.0}]),
        ((1, 2), [1.0, 2]),
    ],
)
def test_an_edit_that_python_finds_equal_runs_as_the_edit(
    server: Loopback, blocking: Handrail, proposed: object, edited: object
) -> None:
    decide_all(server, "edit", arguments={"value": edited})

    @required(client=blocking)
    def keep(value: object) -> object:
        return value

    assert repr(keep(proposed)) == repr(edited)


@pytest.mark.parametrize("value", [(1, (2, "x")), {"b": (1,), "a": None}, {1: "one", "two": 2}, 0.1, "ü"])
def test_an_argument_that_was_not_edited_stays_of_the_type_it_was(
    server: Loopback, blocking: Handrail, value: object
) -> None:
    decide_all(server, "approve")

    @required(client=blocking)
    def keep(value: object) -> object:
        return value

    kept = keep(value)
    assert (kept, repr(kept)) == (value, repr(value))


def test_what_the_program_does_to_its_own_objects_meanwhile_does_not_reach_the_run(
    server: Loopback, blocking: Handrail
) -> None:
    decide_all(server, "approve")
    order: dict[str, Any] = {"lines": [1]}

    @required(client=blocking)
    def refund(order: dict[str, Any], *others: list[int], **more: list[int]) -> tuple[Any, ...]:
        return order, others, more

    ran = refund(order, order["lines"], named=order["lines"])
    order["lines"].append(2)
    assert ran == ({"lines": [1]}, ([1],), {"named": [1]})


def test_an_argument_that_changed_during_the_wait_runs_as_it_was_approved(server: Loopback, blocking: Handrail) -> None:
    orders = ["o-1"]

    def approve(approval: dict[str, Any]) -> None:
        orders.append("o-2")
        server.decide(approval["id"], "approve")

    server.on_create = approve

    @required(client=blocking)
    def refund(orders: list[str]) -> list[str]:
        return orders

    assert refund(orders) == ["o-1"]


@pytest.mark.parametrize("edit", [{"order": "o-1", "sum": 5}, {}, {"order": "o-1", "items": "all"}])
def test_an_edit_that_does_not_fit_the_function_fails_loudly(
    server: Loopback, blocking: Handrail, edit: dict[str, Any]
) -> None:
    decide_all(server, "edit", arguments=edit)
    ran = []

    @required(client=blocking)
    def refund(order: str, *items: str) -> None:
        ran.append(order)

    with pytest.raises(HandrailError, match=r"which the reviewer|something else"):
        refund("o-1", "i-1")
    assert ran == []
    assert only(server)["outcome"]["status"] == "failed"


def test_a_method_keeps_its_object_to_itself(server: Loopback, blocking: Handrail) -> None:
    decide_all(server, "approve")

    class Shop:
        name = "shop"

        @required(client=blocking)
        def refund(self, order: str, /, *items: str) -> tuple[Any, ...]:
            return self.name, order, items

    assert Shop().refund("o-1", "i-1", "i-2") == ("shop", "o-1", ("i-1", "i-2"))
    assert server.seen[0].json()["arguments"] == {"order": "o-1", "items": ["i-1", "i-2"]}


def test_a_result_is_not_lost_when_its_outcome_cannot_be_recorded(
    server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    impatient = RetryPolicy(base_seconds=0.001, cap_seconds=0.001, patience_seconds=0.0)
    decide_all(server, "approve")

    def refuse_outcome(approval: dict[str, Any]) -> None:
        server.decide(approval["id"], "approve")
        server.faults.append(Fault(503, only=f"POST /api/v1/approvals/{approval['id']}/outcome"))

    server.on_create = refuse_outcome
    with Handrail(server.url, KEY, retry=impatient) as client, caplog.at_level(logging.WARNING, "handrail"):

        @required(client=client)
        def refund(order: str) -> str:
            return order

        assert refund("o-1") == "o-1"
    assert "was not recorded" in caplog.text


def test_a_result_is_not_lost_when_the_client_was_closed_meanwhile(
    server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    decide_all(server, "approve")
    client = Handrail(server.url, KEY, retry=QUICK)

    @required(client=client)
    def refund(order: str) -> str:
        client.close()
        return order

    with caplog.at_level(logging.WARNING, "handrail"):
        assert refund("o-1") == "o-1"
    assert "was not recorded" in caplog.text


async def test_a_coroutines_result_is_not_lost_when_the_client_was_closed_meanwhile(
    server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    decide_all(server, "approve")
    client = AsyncHandrail(server.url, KEY, retry=QUICK)

    @required(client=client)
    async def refund(order: str) -> str:
        await client.close()
        return order

    with caplog.at_level(logging.WARNING, "handrail"):
        assert await refund("o-1") == "o-1"
    assert "was not recorded" in caplog.text


def test_the_client_comes_from_the_environment_when_none_is_given(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDRAIL_URL", server.url)
    monkeypatch.setenv("HANDRAIL_API_KEY", KEY)
    monkeypatch.setattr("handrail.steps._default_client", None)
    decide_all(server, "approve")

    @required()
    def refund(order: str) -> str:
        return order

    assert refund("o-1") == "o-1"
    from handrail.steps import default_client

    assert default_client() is default_client()
    default_client().close()


async def test_a_coroutine_function_needs_no_client_either(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_URL", server.url)
    monkeypatch.setenv("HANDRAIL_API_KEY", KEY)
    decide_all(server, "approve")

    @required()
    async def refund(order: str) -> str:
        return order

    assert await refund("o-1") == "o-1"


def test_the_wrong_kind_of_client_is_refused_when_decorating(server: Loopback, blocking: Handrail) -> None:
    with pytest.raises(TypeError, match="AsyncHandrail"):

        @required(client=blocking)
        async def refund(order: str) -> str:
            return order
