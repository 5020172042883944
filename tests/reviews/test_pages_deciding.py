"""Deciding in the browser, with JavaScript and without."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.diff import canonical
from reviews.models import Approval, Decision, ReasonLabel
from reviews.services.claims import claim
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import create_request
from reviews.states import Verdict
from tests.reviews.conftest import draft, make_person

PASSWORD = "django.contrib.auth.backends.ModelBackend"

HTMX = {"HX-Request": "true"}


@pytest.fixture
def ask(project: Project, agent: Caller) -> Callable[..., Approval]:
    def create(**fields: Any) -> Approval:
        return create_request(project=project, by=agent, draft=draft(**fields), now=clock.now())

    return create


@pytest.fixture
def reviewer(client: Client, ana: Caller) -> Client:
    assert ana.user is not None
    client.force_login(ana.user, PASSWORD)
    return client


def send(client: Client, approval: Approval, *, htmx: bool = False, query: str = "", **form: Any) -> Any:
    address = f"/p/shop/queue/{approval.pk}/decision/{query}"
    return client.post(address, form, headers=HTMX if htmx else {})


def edit(client: Client, approval: Approval, *, htmx: bool = False, **form: Any) -> Any:
    """Fills in the editor, looks at the diff and sends it, as a browser does."""
    fields = {"verdict": "edit", "mode": "fields", **{name.replace("__", ":/"): text for name, text in form.items()}}
    looked = client.post(f"/p/shop/queue/{approval.pk}/decision/", {**fields, "step": "look"})
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', looked.content.decode())
    assert seen, looked.content.decode()[:2000]
    return send(client, approval, htmx=htmx, **fields, step="send", seen=seen.group(1))


def sent_late(client: Client, approval: Approval, *, htmx: bool, amount: int) -> Any:
    """Sends an edit from a tab that was open all the time."""
    text = json.dumps({**approval.item.arguments, "amount": amount})
    seen = hashlib.sha256(canonical(json.loads(text)).encode()).hexdigest()
    return send(client, approval, htmx=htmx, verdict="edit", step="send", mode="json", json=text, seen=seen)


def test_without_javascript_a_decision_leads_to_the_next_request(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    first, second = ask(), ask()
    answer = send(reviewer, first, query="?risk=medium", verdict="approve")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/p/shop/queue/{second.pk}/?risk=medium")
    assert "Approved: process_refund" in reviewer.get(answer.headers["Location"]).content.decode()
    first.refresh_from_db()
    assert first.status == "approved"


def test_after_the_last_decision_the_queue_is_empty(ask: Callable[..., Approval], reviewer: Client) -> None:
    assert send(reviewer, ask(), verdict="approve").headers["Location"] == "/p/shop/queue/"


def test_with_htmx_the_next_request_and_the_list_come_in_one_answer(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    first, second = ask(), ask()
    answer = send(reviewer, first, htmx=True, verdict="approve")
    page = answer.content.decode()
    assert answer.headers["HX-Push-Url"] == f"/p/shop/queue/{second.pk}/"
    assert "Approved: process_refund" in answer.headers["HX-Trigger"]
    assert f'data-approval="{second.pk}"' in page
    assert '<hx-partial hx-target="#queue-list"' in page
    assert f"row-{first.pk}" not in page


def test_the_next_request_is_the_one_behind_in_the_queue_not_the_first(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    _first, second, third = ask(), ask(), ask()
    assert str(third.pk) in send(reviewer, second, verdict="approve").headers["Location"]


def test_a_rejection_keeps_reason_and_details(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask()
    send(reviewer, wanted, verdict="reject", reason="Too risky", details="Not before the audit")
    decision = Decision.objects.get(approval=wanted)
    assert (decision.verdict, decision.reason, decision.message) == ("reject", "Too risky", "Not before the audit")


def test_another_reason_is_said_in_words(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask()
    refused = send(reviewer, wanted, verdict="reject", reason="other", details="  ")
    assert refused.status_code == 422
    assert "Say in a few words why" in refused.content.decode()
    send(reviewer, wanted, verdict="reject", reason="other", details="Customer withdrew")
    assert Decision.objects.get(approval=wanted).reason == "Customer withdrew"


@pytest.mark.parametrize("htmx", [True, False])
def test_a_rejection_without_reason_is_asked_for_one(
    ask: Callable[..., Approval], reviewer: Client, htmx: bool
) -> None:
    wanted = ask()
    answer = send(reviewer, wanted, htmx=htmx, verdict="reject", reason="")
    assert answer.status_code == 422
    assert re.search(r'data-decide-panel="reject" open', answer.content.decode())
    wanted.refresh_from_db()
    assert wanted.status == "pending"


def test_an_answer_is_the_message_to_the_agent(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask()
    send(reviewer, wanted, verdict="respond", message="Offer a voucher")
    wanted.refresh_from_db()
    assert (wanted.status, Decision.objects.get(approval=wanted).message) == ("answered", "Offer a voucher")


def test_an_edit_is_shown_as_a_diff_and_then_sent(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(arguments={"order": "0017", "amount": 1500, "gift": False, "note": None})
    assert edit(reviewer, wanted, argument__amount="900").status_code == 303
    decision = Decision.objects.get(approval=wanted)
    assert decision.arguments == {"order": "0017", "amount": 900, "gift": False, "note": None}
    page = reviewer.get(f"/p/shop/queue/{wanted.pk}/").content.decode()
    assert "<del>1500</del>" in page
    assert "<ins>900</ins>" in page


def test_an_edit_that_was_not_seen_as_a_diff_is_shown_first(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(arguments={"amount": 1500})
    form: dict[str, Any] = {"mode": "fields", "seen": "0" * 64, "argument:/amount": "9"}
    answer = send(reviewer, wanted, verdict="edit", step="send", **form)
    assert answer.status_code == 200
    assert "<ins>9</ins>" in answer.content.decode()
    assert not Decision.objects.exists()


def test_an_edit_as_json_is_sent_as_it_is_typed(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(arguments={"amount": 1500, "lines": [1]})
    assert edit(reviewer, wanted, mode="json", json='{"amount": 1.50, "lines": []}').status_code == 303
    assert Decision.objects.get(approval=wanted).arguments == {"amount": 1.5, "lines": []}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"mode": "fields", "argument:/amount": "lots"}, "has to be a number"),
        ({"mode": "json", "json": '{"amount": '}, "not valid JSON"),
        ({"mode": "json", "json": '{"amount": 5, "amount": 6}'}, "given twice"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_was_typed_kept(
    ask: Callable[..., Approval], reviewer: Client, fields: dict[str, Any], told: str
) -> None:
    answer = send(reviewer, ask(arguments={"amount": 1500}), verdict="edit", step="send", **fields)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert told in page
    assert list(fields.values())[-1].replace('"', "&quot;") in page


def test_an_edit_has_to_fit_the_schema_and_is_told_so_at_the_field(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    schema = {"properties": {"amount": {"type": "number", "maximum": 100}}}
    wanted = ask(arguments={"amount": 50}, arguments_schema=schema)
    form: dict[str, Any] = {"verdict": "edit", "mode": "fields", "argument:/amount": "900"}
    for step in ("look", "send"):
        answer = send(reviewer, wanted, **form, step=step)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert '<ul class="field-errors" id="edit-argument:/amount-errors"><li>900 is greater than the maximum' in page
        assert 'name="seen"' not in page
    assert not Decision.objects.exists()


def test_an_edit_says_which_part_of_the_schema_could_not_be_checked_and_can_be_sent(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    schema = {"properties": {"amount": {"type": "string", "pattern": "^(?!0)[0-9]+<$"}}}
    wanted = ask(arguments={"amount": "50"}, arguments_schema=schema)
    form: dict[str, Any] = {"verdict": "edit", "mode": "fields", "argument:/amount": "60", "step": "look"}
    page = send(reviewer, wanted, **form).content.decode()
    assert "could not be checked: <code>pattern ^(?!0)[0-9]+&lt;$</code>" in page
    edit(reviewer, wanted, argument__amount="60")
    assert Decision.objects.get().arguments == {"amount": "60"}


def test_an_entry_is_added_and_taken_away_with_what_was_typed_kept(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    schema = {"properties": {"lines": {"type": "array", "items": {"type": "string"}}}}
    wanted = ask(arguments={"amount": 5, "lines": ["one"]}, arguments_schema=schema)
    form: dict[str, Any] = {
        "verdict": "edit",
        "mode": "fields",
        "json": json.dumps(wanted.item.arguments),
        "argument:/amount": "6",
    }
    more = send(reviewer, wanted, **form, add="/lines").content.decode()
    assert 'name="argument:/lines/1" value=""' in more
    assert 'name="argument:/amount" value="6"' in more
    path = f"/p/shop/queue/{wanted.pk}/changes/"
    less = reviewer.post(path, {**form, "remove": "/lines/0"}, headers=HTMX).content.decode()
    assert "argument:/lines/0" not in less
    assert not Decision.objects.exists()


def test_the_editor_changes_its_form_and_keeps_what_was_typed(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(arguments={"amount": 1500, "order": "A"})
    form = {"mode": "fields", "argument:/amount": "900", "reason": "too much", "switch": "json"}
    page = reviewer.post(f"/p/shop/queue/{wanted.pk}/changes/", form, headers=HTMX).content.decode()
    assert "&quot;amount&quot;: 900" in page
    assert "too much" in page
    assert "<ins>900</ins>" in page


def test_decided_elsewhere_is_said_and_shown_not_failed(
    ask: Callable[..., Approval], ben: Caller, reviewer: Client
) -> None:
    wanted = ask()
    decide(approval=wanted, by=ben, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    answer = send(reviewer, wanted, htmx=True, verdict="reject", reason="Too risky")
    assert answer.status_code == 200
    assert "Ben approved process_refund" in answer.headers["HX-Trigger"]
    assert "data-send" not in answer.content.decode()
    followed = reviewer.get(send(reviewer, wanted, verdict="approve").headers["Location"])
    assert "Ben approved process_refund" in followed.content.decode()
    assert Decision.objects.count() == 1


def test_sending_twice_decides_once_and_goes_on(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted, following = ask(), ask()
    answers = [send(reviewer, wanted, verdict="approve") for _time in range(2)]
    assert {answer.headers["Location"] for answer in answers} == {f"/p/shop/queue/{following.pk}/"}
    assert Decision.objects.filter(approval=wanted).count() == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_a_second_decision_that_differs_is_said_not_to_count(
    ask: Callable[..., Approval], reviewer: Client, htmx: bool
) -> None:
    wanted = ask()
    edit(reviewer, wanted, argument__amount="900")
    answer = sent_late(reviewer, wanted, htmx=htmx, amount=500)
    text = answer.headers["HX-Trigger"] if htmx else reviewer.get(answer.headers["Location"]).content.decode()
    assert "You have already approved with changes process_refund. What you sent now was not taken." in text
    assert "900" in sent_late(reviewer, wanted, htmx=True, amount=500).content.decode()
    assert sent_late(reviewer, wanted, htmx=False, amount=900).headers["Location"] == "/p/shop/queue/"
    assert Decision.objects.count() == 1


def test_a_rejection_for_another_reason_is_said_not_to_count(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask()
    send(reviewer, wanted, verdict="reject", reason="Too risky", details="one")
    for reason, details in (("Too risky", "two"), ("other", "one")):
        answer = send(reviewer, wanted, htmx=True, verdict="reject", reason=reason, details=details)
        assert "You have already rejected process_refund" in answer.headers["HX-Trigger"]


def test_too_late_is_said_as_expired(request_one: Callable[..., Approval], reviewer: Client) -> None:
    late = request_one()
    answer = send(reviewer, late, htmx=True, verdict="approve")
    assert "has expired" in answer.headers["HX-Trigger"]
    late.refresh_from_db()
    assert late.status == "expired"


def test_ones_own_request_cannot_be_decided(project: Project, ana: Caller, reviewer: Client) -> None:
    own = create_request(project=project, by=ana, draft=draft(), now=clock.now())
    answer = send(reviewer, own, htmx=True, verdict="approve")
    assert "somebody else has to decide" in answer.headers["HX-Trigger"]
    own.refresh_from_db()
    assert own.status == "pending"


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
def test_who_may_not_decide_is_refused(
    ask: Callable[..., Approval], project: Project, client: Client, role: str
) -> None:
    wanted = ask()
    client.force_login(make_person("Vera", project, role), PASSWORD)
    assert send(client, wanted, verdict="approve").status_code == 403
    assert client.post(f"/p/shop/queue/{wanted.pk}/changes/", {}).status_code == 403


def test_a_decision_needs_the_forms_token(ask: Callable[..., Approval], ana: Caller) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert ana.user is not None
    strict.force_login(ana.user, PASSWORD)
    assert send(strict, ask(), verdict="approve").status_code == 403


@pytest.mark.parametrize("verdict", ["", "maybe", "expire"])
def test_an_unknown_verdict_changes_nothing(ask: Callable[..., Approval], reviewer: Client, verdict: str) -> None:
    wanted = ask()
    assert send(reviewer, wanted, verdict=verdict).status_code == 303
    wanted.refresh_from_db()
    assert wanted.status == "pending"


def test_a_verdict_that_the_request_does_not_allow_is_refused(ask: Callable[..., Approval], reviewer: Client) -> None:
    wanted = ask(allowed_decisions=("approve", "reject"))
    answer = send(reviewer, wanted, verdict="respond", message="Hello")
    assert answer.status_code in {303, 422}
    wanted.refresh_from_db()
    assert wanted.status == "pending"


def test_a_draft_of_the_editor_is_shown_again_as_it_was_typed(
    project: Project, ask: Callable[..., Approval], reviewer: Client
) -> None:
    ReasonLabel.objects.create(project=project, name="careless", position=1)
    schema = {"type": "object", "properties": {"amount": {"type": "number"}, "note": {"type": "string"}}}
    wanted = ask(arguments={"amount": 1500}, arguments_schema=schema)
    typed = {"mode": "fields", "json": '{"amount": 1500}', "argument:/amount": "many", "reason": "Too much"}
    address = f"/p/shop/queue/{wanted.pk}/changes/"
    page = reviewer.post(address, {**typed, "labels": "careless", "restore": "1"}, headers=HTMX).content.decode()
    assert 'value="many"' in page
    assert "Too much" in page
    assert "This has to be a number" in page
    assert re.search(r'value="careless"[^>]*checked', page)
    assert "data-begun" in page
    again = reviewer.post(address, {"afresh": "1"}, headers=HTMX).content.decode()
    assert 'value="1500"' in again
    assert "data-begun" not in again


def test_an_editor_that_is_called_off_begins_with_what_was_proposed_texts_included(
    ask: Callable[..., Approval], reviewer: Client
) -> None:
    wanted = ask(arguments={"cluster": "orders", "seconds": 40})
    again = reviewer.post(f"/p/shop/queue/{wanted.pk}/changes/", {"afresh": "1"}, headers=HTMX).content.decode()
    assert "orders" in again
    assert 'value="40"' in again
    assert "data-begun" not in again


def test_while_somebody_else_holds_it_there_is_a_place_for_what_is_being_written_and_nothing_to_send(
    ask: Callable[..., Approval], ben: Caller, reviewer: Client
) -> None:
    wanted = ask()
    address = f"/p/shop/queue/{wanted.pk}/item/"
    places = ['id="edit"', 'id="panel-reject"', 'id="panel-respond"', 'id="panel-question"']
    before = reviewer.get(address).content.decode()
    assert all(place in before for place in places)
    claim(approval=wanted, by=ben, now=clock.now())
    after = reviewer.get(address).content.decode()
    assert all(place in after for place in places)
    assert "data-send" not in after
    assert "Ben</strong> has claimed this." in after
