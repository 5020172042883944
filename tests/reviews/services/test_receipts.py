"""Receipts: what is signed, and that it is good for one run of exactly that."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections, transaction

from agents.authentication import Caller
from agents.models import AuditEvent
from reviews import jws, states
from reviews.canonical import arguments_hash
from reviews.models import Approval, Receipt, SigningKey
from reviews.selectors.signing_keys import key_set, verified_claims
from reviews.services import signing_keys
from reviews.services.decisions import Ruling, decide
from reviews.services.receipts import AlreadyConsumed, Consumed, NotConsumable, consume
from reviews.services.requests import cancel_request
from tests.reviews.conftest import NOON, REFUND

V = states.Verdict
SOON = NOON + timedelta(minutes=1)
DAY = timedelta(days=1)
EDITED = {**REFUND, "amount": 900}
Make = Callable[..., Approval]


def decided(approval: Approval, by: Caller, verdict: V = V.APPROVE, **fields: Any) -> Receipt:
    decide(approval=approval, by=by, ruling=Ruling(verdict=verdict, **fields), now=SOON)
    return Receipt.objects.get(approval=approval)


def use(approval: Approval, by: Caller, **fields: Any) -> Consumed | AlreadyConsumed:
    return consume(approval=approval, by=by, **{"arguments_hash": arguments_hash(REFUND), "now": SOON, **fields})


def refusal(approval: Approval, by: Caller, **fields: Any) -> str:
    with pytest.raises(NotConsumable) as caught:
        use(approval, by, **fields)
    return caught.value.refusal


@pytest.mark.parametrize(
    ("verdict", "fields", "may_run"),
    [
        (V.APPROVE, {}, REFUND),
        (V.EDIT, {"arguments": EDITED}, EDITED),
        (V.REJECT, {"reason": "too much"}, None),
        (V.RESPOND, {"message": "ask again tomorrow"}, None),
    ],
)
def test_every_decision_is_signed_and_only_what_was_granted_may_run(
    request_one: Make, ana: Caller, verdict: V, fields: dict[str, Any], may_run: Any
) -> None:
    approval = request_one()
    receipt = decided(approval, ana, verdict, **fields)
    claims = verified_claims(receipt.token)
    expected = arguments_hash(may_run) if may_run else None
    assert claims["arguments_hash"] == expected
    assert receipt.arguments_hash == (expected or "")
    assert (claims["sub"], claims["jti"], claims["project"]) == (str(approval.pk), str(receipt.pk), "shop")
    assert (claims["action"], claims["item"], claims["verdict"]) == ("process_refund", 0, verdict)
    assert [(each["name"], each["verdict"]) for each in claims["reviewers"]] == [("Ana", verdict)]
    assert claims["exp"] - claims["iat"] == DAY.total_seconds()


def test_what_nobody_decided_has_no_receipt(request_one: Make, agent: Caller) -> None:
    approval = request_one()
    assert refusal(approval, agent) == "not_approved"
    cancel_request(approval=approval, by=agent, now=SOON)
    assert refusal(approval, agent) == "not_approved"
    assert not Receipt.objects.exists()


def test_a_rejection_cannot_be_used(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    receipt = decided(approval, ana, V.REJECT, reason="no")
    assert refusal(approval, agent) == "not_approved"
    assert refusal(approval, agent, arguments_hash="") == "not_approved"
    assert refusal(approval, agent, token=receipt.token) == "not_approved"


def test_it_is_used_once_and_whoever_comes_second_is_told_by_whom(
    request_one: Make, agent: Caller, ana: Caller
) -> None:
    approval = request_one()
    receipt = decided(approval, ana)
    assert isinstance(use(approval, agent, token=receipt.token), Consumed)
    again = use(approval, ana, now=SOON + timedelta(seconds=5))
    assert again == AlreadyConsumed(by="key bot", at=SOON)
    assert AuditEvent.objects.filter(action="approval.consumed", actor_key=agent.key).count() == 1
    approval.refresh_from_db()
    assert approval.status == "approved"


def test_other_arguments_than_the_approved_ones_are_refused_and_use_nothing_up(
    request_one: Make, agent: Caller, ana: Caller
) -> None:
    approval = request_one()
    decided(approval, ana, V.EDIT, arguments=EDITED)
    assert refusal(approval, agent) == "arguments_differ"  # the agent's own, which the reviewer changed
    assert isinstance(use(approval, agent, arguments_hash=arguments_hash(EDITED)), Consumed)


def test_an_expired_one_is_refused(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    decided(approval, ana)
    assert refusal(approval, agent, now=SOON + DAY) == "expired"
    assert isinstance(use(approval, agent, now=SOON + DAY - timedelta(microseconds=1)), Consumed)


def test_a_forged_one_is_refused(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval, other = request_one(), request_one()
    receipt, of_other = decided(approval, ana), decided(other, ana)
    head, body, signature = receipt.token.split(".")
    stranger, _public, private = jws.new_key()
    claims = verified_claims(receipt.token)
    forged = {
        "its body replaced": f"{head}.{of_other.token.split('.')[1]}.{signature}",
        "its signature cut off": f"{head}.{body}.",
        "unsigned": "eyJhbGciOiJub25lIiwidHlwIjoiaGFuZHJhaWwtcmVjZWlwdCtqd3QifQ." + body + ".",
        "signed by a stranger": jws.sign(claims, kid=stranger, key=jws.key_of(private)),
        "signed by a stranger in our name": jws.sign(claims, kid=jws.kid_of(receipt.token), key=jws.key_of(private)),
        "of another request": of_other.token,
        "no token": "receipt",
    }
    assert {name: refusal(approval, agent, token=token) for name, token in forged.items()} == dict.fromkeys(
        forged, "forged"
    )
    assert isinstance(use(approval, agent, token=receipt.token), Consumed)


@pytest.mark.django_db(transaction=True)
def test_of_many_executors_at_once_one_runs(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    decided(approval, ana)
    results: list[Consumed | AlreadyConsumed] = []
    barrier = threading.Barrier(8)

    def execute() -> None:
        try:
            barrier.wait()
            results.append(use(approval, agent))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=execute) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, Consumed) for result in results) == 1
    assert len(results) == 8


def test_the_database_itself_keeps_it_single_and_unchanged(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval = request_one()
    receipt = decided(approval, ana)
    use(approval, agent)
    mine: Any = Receipt.objects.filter(pk=receipt.pk)
    for changes in ({"consumed_at": None}, {"token": "x"}, {"expires_at": SOON + 9 * DAY}):
        with pytest.raises(DatabaseError, match="Cannot update rows"), transaction.atomic():
            mine.update(**changes)
    with pytest.raises(DatabaseError, match="Cannot delete rows"), transaction.atomic():
        mine.delete()


def test_receipts_of_retired_keys_stay_good_and_the_private_half_is_gone(
    request_one: Make, agent: Caller, ana: Caller
) -> None:
    approval, later = request_one(), request_one()
    first = decided(approval, ana)
    assert not signing_keys.rotate_if_due(now=SOON + signing_keys.ROTATE_AFTER - timedelta(seconds=1))
    assert signing_keys.rotate_if_due(now=SOON + signing_keys.ROTATE_AFTER)
    assert not signing_keys.rotate_if_due(now=SOON + signing_keys.ROTATE_AFTER)
    second = decided(later, ana)
    assert first.signed_by_id != second.signed_by_id
    assert {key["kid"] for key in key_set()["keys"]} == {first.signed_by.kid, second.signed_by.kid}
    assert SigningKey.objects.get(pk=first.signed_by_id).sealed_private is None
    assert isinstance(use(approval, agent, token=first.token), Consumed)


def test_a_revoked_key_signs_nothing_and_proves_nothing(request_one: Make, agent: Caller, ana: Caller) -> None:
    approval, later = request_one(), request_one()
    receipt = decided(approval, ana)
    kid = receipt.signed_by.kid
    assert signing_keys.revoke(kid=kid, now=SOON)
    assert not signing_keys.revoke(kid=kid, now=SOON)
    assert kid not in {key["kid"] for key in key_set()["keys"]}
    assert refusal(approval, agent, token=receipt.token) == "forged"
    assert decided(later, ana).signed_by.kid != kid


def test_an_operator_rotates_and_revokes_by_a_command(
    request_one: Make, agent: Caller, ana: Caller, capsys: Any
) -> None:
    approval = request_one()
    receipt = decided(approval, ana)
    call_command("rotate_signing_key")
    assert SigningKey.objects.active().get().kid in capsys.readouterr().out
    call_command("rotate_signing_key", "--revoke", receipt.signed_by.kid)
    assert refusal(approval, agent, token=receipt.token) == "forged"
    with pytest.raises(CommandError, match="revoked already"):
        call_command("rotate_signing_key", "--revoke", receipt.signed_by.kid)


@pytest.mark.django_db(transaction=True)
def test_a_key_is_published_before_anything_is_signed_and_made_once_however_many_ask(db: None) -> None:
    found: list[Any] = []
    barrier = threading.Barrier(6)

    def look() -> None:
        try:
            barrier.wait()
            found.append(signing_keys.published(now=NOON))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row = SigningKey.objects.get()
    assert found == [{"keys": [row.public_jwk]}] * 6
    assert AuditEvent.objects.filter(action="signing_key.created").count() == 1


def test_what_is_published_signs_next_after_a_race_a_rotation_and_another_secret_key(
    request_one: Make, ana: Caller, settings: Any
) -> None:
    def next_key_is_published() -> bool:
        kids = [key["kid"] for key in signing_keys.published(now=SOON)["keys"]]
        return decided(request_one(), ana).signed_by.kid in kids

    for _number in range(2):  # two who decided at the same moment, before there was any key
        signing_keys._make(NOON)
    assert next_key_is_published()
    signing_keys.rotate(now=SOON)
    assert next_key_is_published()
    settings.SECRET_KEY = "another"
    signing_keys._opened.cache_clear()
    assert next_key_is_published()
    assert SigningKey.objects.active().count() == 1


def test_private_keys_are_sealed_and_another_secret_key_makes_a_new_one(
    request_one: Make, ana: Caller, settings: Any
) -> None:
    receipt = decided(request_one(), ana)
    row = SigningKey.objects.get()
    assert b'"d"' not in bytes(row.sealed_private or b"")
    assert "d" not in row.public_jwk
    settings.SECRET_KEY = "another"
    signing_keys._opened.cache_clear()  # as in a process that was started with it
    later = decided(request_one(), ana)
    assert later.signed_by_id != row.pk
    assert verified_claims(receipt.token)["jti"] == str(receipt.pk)
