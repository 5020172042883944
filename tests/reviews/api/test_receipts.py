"""/api/v1/approvals/{id}/consume and /.well-known/jwks.json."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from handrail import Handrail, ReceiptRefused, approval_required, verify_receipt
from joserfc import jws as jose
from joserfc.jwk import KeySet

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from console.lib import clock
from reviews import states
from reviews.canonical import arguments_hash
from reviews.models import Approval
from reviews.services.decisions import Ruling, decide
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.conftest import Api, make_key, make_person, make_project, make_token
from tests.waiting import eventually

HASH = arguments_hash({"amount": 5})


@pytest.fixture
def approved(ask: Callable[..., Any], reviewer_api: Api) -> Any:
    approval = ask()
    response = reviewer_api.post(f"{PATH}/{approval['id']}/decisions", {"verdict": "approve"})
    assert response.status_code == 200, response.content
    return response.json()


def consume(api: Api, approval: Any, body: Any = None, **headers: str) -> Any:
    return api.post(f"{PATH}/{approval['id']}/consume", {"arguments_hash": HASH, **(body or {})}, **headers)


def test_the_receipt_can_be_checked_with_the_published_keys_alone(approved: Any, client: Client) -> None:
    response = client.get("/.well-known/jwks.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/jwk-set+json"
    assert response["Access-Control-Allow-Origin"] == "*"
    keys = KeySet.import_key_set(response.json())
    with pytest.warns(match="RFC 9864"):  # of the old name of the algorithm
        signed = jose.deserialize_compact(approved["decision"]["receipt"], keys, algorithms=["EdDSA"])
    assert HASH.encode() in (signed.payload or b"")
    assert all("d" not in key for key in response.json()["keys"])


def test_the_keys_can_only_be_read(client: Client, db: None) -> None:
    assert client.post("/.well-known/jwks.json").status_code == 405
    assert "d" not in client.get("/.well-known/jwks.json").json()["keys"][0]


def test_consume_is_200_once_and_then_409_that_says_by_whom(agent_api: Api, approved: Any) -> None:
    first = consume(agent_api, approved, {"receipt": approved["decision"]["receipt"]})
    assert first.status_code == 200
    assert first.json()["status"] == "approved"
    assert first.json()["decision"]["consumed_at"] is not None
    second = consume(agent_api, approved)
    assert second.status_code == 409
    assert (second.json()["refusal"], second.json()["consumed_by"]) == ("consumed", "key bot")


def test_a_lost_answer_can_be_asked_for_again_under_the_same_idempotency_key(agent_api: Api, approved: Any) -> None:
    headers = {"Idempotency-Key": "one"}
    assert consume(agent_api, approved, **headers).status_code == 200
    again = consume(agent_api, approved, **headers)
    assert (again.status_code, again["Idempotent-Replayed"]) == (200, "true")
    assert consume(agent_api, approved, **{"Idempotency-Key": "two"}).status_code == 409


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"arguments_hash": "0" * 64}, "arguments_differ"),
        ({"receipt": "a.b.c"}, "forged"),
        ({"item": 1}, "not_approved"),
    ],
)
def test_what_does_not_fit_is_409_with_the_reason(agent_api: Api, approved: Any, body: Any, refusal: str) -> None:
    response = consume(agent_api, approved, body)
    assert (response.status_code, response.json()["refusal"]) == (409, refusal)
    assert consume(agent_api, approved).status_code == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"arguments_hash": "xyz"}, ["arguments_hash"]),
        ({"arguments_hash": HASH.upper()}, ["arguments_hash"]),
        ({"item": -1}, ["item"]),
        ({"receipt": 7}, ["receipt"]),
        ({"hash": HASH}, ["hash"]),
    ],
)
def test_an_invalid_body_is_422_naming_the_field(agent_api: Api, approved: Any, body: Any, fields: list[str]) -> None:
    response = consume(agent_api, approved, body)
    assert response.status_code == 422
    assert fields_of(response) == fields


def test_a_waiting_request_cannot_be_used(agent_api: Api, ask: Callable[..., Any]) -> None:
    response = consume(agent_api, ask())
    assert (response.status_code, response.json()["refusal"]) == (409, "not_approved")


def test_only_those_of_the_project_who_may_ask_or_decide_may_consume(
    project: Any, other_project: Any, approved: Any, client: Client
) -> None:
    def told(secret: str) -> int:
        return int(consume(Api(secret, client), approved).status_code)

    assert told(make_key(other_project, Scope.APPROVALS_REQUEST)[1]) == 404
    assert told(make_key(project, Scope.FEEDBACK_READ)[1]) == 403
    assert told(make_token(make_person("Vera", project, "viewer"))) == 403
    assert told(make_token(make_person("Stan", make_project("third"), "admin"))) == 404
    assert told("hr_nothing") == 401
    assert told(make_key(project, Scope.APPROVALS_REQUEST)[1]) == 200


@pytest.mark.django_db(transaction=True)
def test_the_clients_decorator_runs_what_was_approved_and_its_receipt_is_used_up(
    live_server: Any, project: Project, ana: Caller
) -> None:
    edited = {"order": "A-17", "amount": 10**20 + 1, "lines": [{"n": 1.0}]}

    def review() -> None:
        try:
            eventually(Approval.objects.exists)
            ruling = Ruling(verdict=states.Verdict.EDIT, arguments=edited)
            decide(approval=Approval.objects.get(), by=ana, ruling=ruling, now=clock.now())
        finally:
            connections.close_all()

    reviewer = threading.Thread(target=review)
    reviewer.start()
    with Handrail(live_server.url, make_key(project, Scope.APPROVALS_REQUEST)[1]) as client:

        @approval_required(client=client)
        def refund(order: str, amount: int, lines: list[Any]) -> dict[str, Any]:
            return {"order": order, "amount": amount, "lines": lines}

        assert refund("A-17", 5, []) == edited
        reviewer.join()
        approval = client.get(str(Approval.objects.get().pk))
        assert approval.decision is not None
        token = approval.decision.receipt
        receipt = verify_receipt(token, client.receipt_keys(), project="shop", action="refund", arguments=edited)
        assert receipt.issuer == settings.PUBLIC_URL
        with pytest.raises(ReceiptRefused, match="another project"):
            verify_receipt(token, client.receipt_keys(), project="bank", action="refund", arguments=edited)
        with pytest.raises(ReceiptRefused, match="used already") as refused:
            client.consume(receipt.approval_id, edited, receipt=token)
    assert refused.value.refusal == "consumed"
