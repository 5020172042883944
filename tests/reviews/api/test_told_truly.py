"""What the API says of a request is so: of claims, of what came too late, of what nobody has named or checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import Membership
from console.lib import clock
from reviews.canonical import arguments_hash
from reviews.models import Approval
from reviews.services.claims import claim
from tests.reviews.api.conftest import PATH, fields_of
from tests.reviews.api.test_lifecycle import BATCH, decide, plan
from tests.reviews.conftest import Api

pytestmark = pytest.mark.django_db

REMOTE = {"$ref": "https://schemas.example.org/refund.json"}


def test_a_vote_that_is_sent_twice_is_already_decided_but_not_closed(
    ask: Callable[..., Any], reviewer_api: Api
) -> None:
    request = ask()
    plan(request, approvals=2)
    decide(reviewer_api, request, "approve")
    again = decide(reviewer_api, request, "approve")
    assert (again.status_code, again.json()["approval_status"]) == (409, "pending")
    assert again.json()["title"] == "Already decided"


def test_a_closed_request_is_claimed_by_nobody(ask: Callable[..., Any], reviewer_api: Api) -> None:
    request = ask()
    assert reviewer_api.post(f"{PATH}/{request['id']}/claim").json()["claim"]["by"] == "Ana"
    Approval.objects.filter(pk=request["id"]).update(status="cancelled", closed_at=clock.now())
    assert reviewer_api.get(f"{PATH}/{request['id']}").json()["claim"] is None


def test_who_is_given_a_request_does_not_find_it_held_by_somebody_else(
    ask: Callable[..., Any], reviewer_api: Api, ana: Caller, ben: Caller
) -> None:
    request = ask()
    Membership.objects.filter(user=ana.user).update(role="lead")
    approval = Approval.objects.get(pk=request["id"])
    claim(approval=approval, by=ana, now=clock.now())
    given = reviewer_api.post(f"{PATH}/{request['id']}/assign", {"user": "ben@example.org"}).json()
    assert (given["assigned_to"], given["claim"]) == ("Ben", None)
    assert approval.events.get(kind="assigned").detail == {"user": "Ben", "taken_from": "Ana"}
    claim(approval=approval, by=ben, now=clock.now())
    kept = reviewer_api.post(f"{PATH}/{request['id']}/assign", {"user": "ben@example.org"}).json()
    assert kept["claim"]["by"] == "Ben"


def test_which_action_of_a_batch_is_about_to_run_has_to_be_said(agent_api: Api, reviewer_api: Api) -> None:
    request = agent_api.post(PATH, {"actions": BATCH}).json()
    for index in range(len(BATCH)):
        told = decide(reviewer_api, request, "approve", item=index).json()
    body = {"arguments_hash": arguments_hash(BATCH[1]["arguments"])}
    unnamed = agent_api.post(f"{PATH}/{request['id']}/consume", body)
    assert (unnamed.status_code, fields_of(unnamed)) == (422, ["item"])
    assert "numbered 0 to 2" in unnamed.json()["detail"]
    # The receipt is one action's.
    shown = {**body, "receipt": told["items"][1]["decision"]["receipt"]}
    assert agent_api.post(f"{PATH}/{request['id']}/consume", shown).status_code == 200
    assert agent_api.post(f"{PATH}/{request['id']}/consume", {**body, "item": 1}).json()["refusal"] == "consumed"


@pytest.mark.parametrize(("verdict", "field"), [("reject", "reason"), ("respond", "message")])
def test_many_are_not_rejected_without_a_reason_nor_answered_without_words(
    ask: Callable[..., Any], reviewer_api: Api, verdict: str, field: str
) -> None:
    ids = [ask()["id"] for _number in range(2)]
    answer = reviewer_api.post(f"{PATH}/decisions", {"ids": ids, "verdict": verdict})
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_what_of_a_schema_could_not_be_checked_is_said_with_the_edit(
    ask: Callable[..., Any], reviewer_api: Api
) -> None:
    request = ask(arguments={"amount": 5}, arguments_schema=REMOTE)
    told = decide(reviewer_api, request, "edit", arguments={"amount": "many"}).json()
    said = "A part of the schema of these arguments could not be checked: $ref https://schemas.example.org/refund.json"
    assert (told["status"], told["notices"]) == ("approved", [said])
    request = ask(arguments={"amount": 5}, arguments_schema={"type": "object"})
    assert decide(reviewer_api, request, "edit", arguments={"amount": 7}).json()["notices"] == []
