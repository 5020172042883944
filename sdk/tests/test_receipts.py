"""An action runs only as its receipt says, and once."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import pytest
import pytest_asyncio
from faces import QUICK
from joserfc import jws
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from loopback import KEY, Fault, Loopback

from handrail import AsyncHandrail, Handrail, HandrailError, ReceiptRefused, arguments_hash, verify_receipt
from handrail import approval_required as required

REFUND: dict[str, Any] = {"order": "A-17", "amount": 1500}
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=timezone.utc)
SECOND = OKPKey.generate_key("Ed25519")
SIGNER = OKPKey.generate_key("Ed25519")
KEYS = {"keys": [{**SIGNER.as_dict(private=False), "kid": "one", "alg": "EdDSA"}]}


@pytest_asyncio.fixture
async def awaiting(server: Loopback) -> AsyncIterator[AsyncHandrail]:
    async with AsyncHandrail(server.url, KEY, retry=QUICK) as client:
        yield client


def approve_with(server: Loopback, **changes: Any) -> None:
    """Approves every request; the receipt is that of what the changes make of it."""

    def approve(approval: dict[str, Any]) -> None:
        other = {**copy.deepcopy(approval), **changes}
        other["items"][0].update({name: value for name, value in changes.items() if name != "id"})
        server.approvals[approval["id"]] = other
        server.decide(approval["id"], "approve")
        token = other["decision"]["receipt"]
        server.approvals[approval["id"]] = approval
        server.decide(approval["id"], "approve", receipt=token)

    server.on_create = approve


def test_the_receipt_is_used_up_before_the_function_runs(server: Loopback, blocking: Handrail) -> None:
    approve_with(server)

    @required(client=blocking)
    def refund(order: str, amount: float) -> list[str]:
        return list(server.consumed.values())

    assert refund(**REFUND) == [arguments_hash(REFUND)]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"arguments": {"order": "A-17", "amount": 15}}, "arguments_differ"),
        ({"action": "delete_customer"}, "arguments_differ"),
        ({"id": "another"}, "forged"),
    ],
)
def test_a_function_whose_call_is_not_what_the_receipt_says_does_not_run(
    server: Loopback, blocking: Handrail, changes: dict[str, Any], refusal: str
) -> None:
    approve_with(server, **changes)
    ran = []

    @required(client=blocking)
    def refund(order: str, amount: float) -> None:
        ran.append(order)

    with pytest.raises(ReceiptRefused) as refused:
        refund(**REFUND)
    assert (refused.value.refusal, ran, server.consumed) == (refusal, [], {})
    (approval,) = server.approvals.values()
    assert approval["outcome"] is None


@pytest.mark.parametrize("receipt", [None, "", "a.b.c", "no token"])
async def test_without_a_receipt_nothing_runs(server: Loopback, awaiting: AsyncHandrail, receipt: str | None) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve", receipt=receipt)
    ran = []

    @required(client=awaiting)
    async def refund(order: str, amount: float) -> None:
        ran.append(order)

    with pytest.raises(ReceiptRefused):
        await refund(**REFUND)
    assert ran == []


async def test_whoever_comes_second_does_not_run(server: Loopback, awaiting: AsyncHandrail) -> None:
    def approve(approval: dict[str, Any]) -> None:
        server.decide(approval["id"], "approve")
        server.consumed[approval["id"]] = "by somebody else"

    server.on_create = approve
    ran = []

    @required(client=awaiting)
    async def refund(order: str, amount: float) -> None:
        ran.append(order)

    with pytest.raises(ReceiptRefused, match="Used already") as refused:
        await refund(**REFUND)
    assert (refused.value.refusal, refused.value.extra["consumed_by"], ran) == ("consumed", "key bot", [])


def test_a_lost_answer_to_the_consumption_is_no_second_use(server: Loopback, blocking: Handrail) -> None:
    def approve(approval: dict[str, Any]) -> None:
        server.decide(approval["id"], "approve")
        server.faults.append(Fault(drop="after", only=f"POST /api/v1/approvals/{approval['id']}/consume"))

    server.on_create = approve

    @required(client=blocking)
    def refund(order: str, amount: float) -> str:
        return order

    assert refund(**REFUND) == "A-17"


def test_an_argument_that_the_reviewer_left_out_takes_its_default(server: Loopback, blocking: Handrail) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "edit", arguments={"order": "A-17"})

    @required(client=blocking)
    def refund(order: str, amount: float = 0.0) -> float:
        return amount

    assert refund(**REFUND) == 0.0
    assert list(server.consumed.values()) == [arguments_hash({"order": "A-17"})]


def signed(key: OKPKey = SIGNER, kid: str = "one", **changes: Any) -> str:
    claims = {
        "iss": "https://handrail.example.org",
        "project": "shop",
        "jti": "r",
        "sub": "a",
        "item": 0,
        "action": "refund",
        "verdict": "approve",
        "arguments_hash": arguments_hash(REFUND),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        **changes,
    }
    registry = JWSRegistry(algorithms=["EdDSA"])
    registry.algorithms = {"EdDSA": copy.copy(JWSRegistry.algorithms["EdDSA"])}
    registry.algorithms["EdDSA"].security_warning = None
    header = {"alg": "EdDSA", "typ": "handrail-receipt+jwt", "kid": kid}
    return jws.serialize_compact(header, json.dumps(claims).encode(), key, registry=registry)


def verify(token: str, **changes: Any) -> Any:
    return verify_receipt(
        token, KEYS, **{"project": "shop", "action": "refund", "arguments": REFUND, "now": NOW, **changes}
    )


def test_an_executor_of_its_own_checks_a_receipt_with_the_public_keys() -> None:
    receipt = verify(signed(), issuer="https://handrail.example.org", approval_id="a", item=0)
    assert (receipt.project, receipt.issuer) == ("shop", "https://handrail.example.org")
    assert (receipt.approval_id, receipt.verdict, receipt.expires_at.minute) == ("a", "approve", 1)


@pytest.mark.parametrize(
    ("token", "changes", "refusal"),
    [
        (signed(), {"arguments": {**REFUND, "amount": 1501}}, "arguments_differ"),
        (signed(), {"action": "pay"}, "arguments_differ"),
        (signed(project="evil"), {}, "forged"),
        (signed(project=None), {}, "forged"),
        (signed(), {"issuer": "https://elsewhere.example.org"}, "forged"),
        (signed(), {"approval_id": "b"}, "forged"),
        (signed(), {"item": 1}, "forged"),
        (signed(), {"now": NOW.replace(minute=1)}, "expired"),
        (signed(arguments_hash=None, verdict="reject"), {}, "not_approved"),
        (signed(SECOND), {}, "forged"),
        (signed(SECOND, kid="two"), {}, "forged"),
        (signed()[:-3] + "AAA", {}, "forged"),
        ("", {}, "forged"),
        ("é.b.c", {}, "forged"),
    ],
)
def test_forged_expired_and_misused_receipts_are_refused(token: str, changes: dict[str, Any], refusal: str) -> None:
    with pytest.raises(ReceiptRefused) as refused:
        verify(token, **changes)
    assert refused.value.refusal == refusal


def test_the_hash_is_of_the_json_that_the_arguments_are() -> None:
    assert arguments_hash({"a": (1, 2), "b": {1: "x"}}) == arguments_hash({"b": {"1": "x"}, "a": [1.0, 2]})
    assert arguments_hash({"a": 2**60}) != arguments_hash({"a": 2**60 + 1})
    assert arguments_hash({"a": 2**60}) != arguments_hash({"a": str(2**60)})
    with pytest.raises(HandrailError):
        arguments_hash({"a": float("nan")})
    with pytest.raises(HandrailError):
        arguments_hash({"a": object()})
