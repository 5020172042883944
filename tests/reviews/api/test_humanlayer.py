"""The unmodified client of HumanLayer (humanlayer on PyPI) works against /humanlayer/v1."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from humanlayer import (
    AsyncHumanLayer,
    ContactChannel,
    FunctionCallSpec,
    HumanContactSpec,
    HumanLayer,
    ResponseOption,
    SlackContactChannel,
)
from humanlayer.core.models import Escalation, FunctionCallStatus, HumanContactStatus
from humanlayer.core.protocol import HumanLayerException

from agents.authentication import Caller
from agents.models import Notification, Project
from agents.permissions import Scope
from console.lib import clock
from reviews import states
from reviews.models import Approval, HumanLayerCall
from reviews.serializers.humanlayer import represent_call
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import cancel_request
from tests.reviews.conftest import Api, make_key, make_person, make_project, make_token

V = states.Verdict
BASE = "/humanlayer/v1"
pytestmark = pytest.mark.django_db(transaction=True)
WRONG = ResponseOption(name="wrong-amount", title="Wrong amount", prompt_fill="The amount is wrong: ")
SPEC: dict[str, Any] = {"fn": "multiply", "kwargs": {"x": 2, "y": 12345678901234567890}}


@pytest.fixture
def make(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., HumanLayer]:
    """A client as its users make one: by the environment alone. Between looks it lets `between` act."""

    def client(secret: str, between: Callable[[], None] = lambda: None, **options: Any) -> HumanLayer:
        monkeypatch.setenv("HUMANLAYER_API_BASE", f"{live_server.url}{BASE}")
        monkeypatch.setenv("HUMANLAYER_API_KEY", secret)
        return HumanLayer(sleep=lambda seconds: between(), **options)

    return client


@pytest.fixture
def secret(project: Project) -> str:
    return make_key(project, Scope.APPROVALS_REQUEST)[1]


@pytest.fixture
def person(ana: Caller) -> str:
    assert ana.user is not None
    return make_token(ana.user)


def only() -> Approval:
    return Approval.objects.get()


def decided(by: Caller, verdict: V, **fields: Any) -> Callable[[], None]:
    """Decides on the one request that there is, once."""

    def act() -> None:
        if only().is_waiting:
            decide(approval=only(), by=by, ruling=Ruling(verdict=verdict, **fields), now=clock.now())

    return act


def test_an_approved_function_runs(make: Any, secret: str, ana: Caller) -> None:
    hl = make(secret, decided(ana, V.APPROVE), run_id="support-1")

    @hl.require_approval()  # type: ignore[untyped-decorator]  # half typed upstream
    def multiply(x: int, y: int) -> int:
        """multiply two numbers"""
        return x * y

    assert multiply(x=2, y=5) == 10
    approval = only()
    assert (approval.action, approval.item.arguments, approval.session_id) == (
        "multiply",
        {"x": 2, "y": 5},
        "support-1",
    )
    assert approval.item.allowed_decisions == ["approve", "reject"]


def test_a_rejected_function_does_not_run_and_the_agent_reads_why(make: Any, secret: str, ana: Caller) -> None:
    hl = make(secret, decided(ana, V.REJECT, reason="not today"))

    @hl.require_approval(reject_options=[WRONG])  # type: ignore[untyped-decorator]
    def multiply(x: int, y: int) -> int:
        raise AssertionError("must not run")

    assert multiply(x=2, y=5) == "User denied multiply with message: not today"


def test_nobody_decides_until_the_deadline_and_that_is_told_in_the_comment(
    make: Any, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later() -> None:
        late = only().expires_at + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: late)

    hl = make(secret, later)
    call = hl.fetch_approval(FunctionCallSpec(fn="multiply", kwargs={})).call
    deadline = clock.rfc3339(only().expires_at)
    assert (call.status.approved, call.status.comment) == (False, f"Expired: nobody decided by {deadline}")
    assert only().status == "expired"


def test_a_call_that_was_taken_back_is_rejected_with_a_comment(make: Any, secret: str, agent: Caller) -> None:
    def cancel() -> None:
        cancel_request(approval=only(), by=agent, now=clock.now())

    status = make(secret, cancel).fetch_approval(FunctionCallSpec(fn="multiply", kwargs={})).call.status
    assert status.approved is False
    assert status.comment.startswith("Cancelled")


def test_a_pending_call_says_so_and_keeps_its_specification(make: Any, secret: str) -> None:
    hl = make(secret, run_id="r-1")
    slack = SlackContactChannel(channel_or_user_id="C1", context_about_channel_or_user="ops", bot_token="xoxb-1")
    spec = FunctionCallSpec(
        **SPEC, channel=ContactChannel(slack=slack), reject_options=[WRONG], state={"step": [1, {"a": None}]}
    )
    made = hl.create_function_call(spec, call_id="call-1")
    found = hl.get_function_call("call-1")
    assert found == made
    assert (found.run_id, found.call_id) == ("r-1", "call-1")
    assert (found.status.approved, found.status.comment, found.status.responded_at) == (None, None, None)
    assert found.status.requested_at == only().requested_at
    assert spec.channel is not None
    assert spec.channel.slack is not None
    spec.channel.slack.bot_token = None  # a secret of somebody else's, not kept
    assert found.spec == spec
    assert "xoxb" not in str(HumanLayerCall.objects.get().spec)


def test_a_person_answers_with_a_client_of_their_own(make: Any, secret: str, person: str) -> None:
    make(secret).create_function_call(FunctionCallSpec(**SPEC), call_id="call-1")
    status = FunctionCallStatus(approved=True, comment="fine")
    call = make(person).respond_to_function_call("call-1", status)
    assert (call.status.approved, call.status.comment) == (True, "fine")
    assert call.status.responded_at is not None
    assert only().decided_by_label == "Ana"
    with pytest.raises(HumanLayerException, match="409"):
        make(person).respond_to_function_call("call-1", status)


def test_a_rejection_by_an_offered_option_has_its_words(make: Any, secret: str, person: str) -> None:
    make(secret).create_function_call(FunctionCallSpec(**SPEC, reject_options=[WRONG]), call_id="call-1")
    with pytest.raises(HumanLayerException, match=r"422.*comment") as refused:
        make(person).respond_to_function_call("call-1", FunctionCallStatus(approved=False))
    assert '"comment: A rejection needs a reason."' in str(refused.value)
    status = FunctionCallStatus(approved=False, reject_option_name="wrong-amount")
    call = make(person).respond_to_function_call("call-1", status)
    assert (call.status.comment, call.status.reject_option_name) == ("The amount is wrong:", "wrong-amount")


def test_an_agents_key_cannot_decide_and_is_told_why(make: Any, secret: str) -> None:
    hl = make(secret)
    hl.create_function_call(FunctionCallSpec(**SPEC), call_id="call-1")
    with pytest.raises(HumanLayerException, match=r"403.*takes a person"):
        hl.respond_to_function_call("call-1", FunctionCallStatus(approved=True))
    assert only().status == "pending"


def test_a_person_is_asked_and_the_answer_comes_back(make: Any, secret: str, ana: Caller) -> None:
    hl = make(secret, decided(ana, V.RESPOND, message="Ship it on Monday"))
    assert hl.human_as_tool()("When do we ship?\nThe customer asks.") == "Ship it on Monday"
    approval = only()
    assert (approval.action, approval.summary) == ("contact_human", "When do we ship?")
    assert approval.item.allowed_decisions == ["respond"]


def test_a_person_answers_a_question_with_their_own_client(make: Any, secret: str, person: str) -> None:
    spec = HumanContactSpec(msg="Which?", subject="Choose", response_options=[ResponseOption(name="left")])
    asked = make(secret).create_human_contact(spec, call_id="call-1")
    assert (asked.spec, asked.status.response) == (spec, None)
    answer = HumanContactStatus(response="Left, please", response_option_name="left")
    contact = make(person).respond_to_human_contact("call-1", answer)
    assert (contact.status.response, contact.status.response_option_name) == ("Left, please", "left")
    assert make(secret).get_human_contact("call-1") == contact


def test_a_question_that_nobody_answers_ends(make: Any, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def later() -> None:
        late = only().expires_at + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: late)

    response = make(secret, later).human_as_tool()("Anybody there?")
    assert response.startswith("Expired: nobody decided by 2")


@pytest.mark.parametrize("kind", ["function_call", "human_contact"])
def test_an_agent_that_cannot_wait_says_so_and_people_are_told_again(
    make: Any, secret: str, ana: Caller, kind: str
) -> None:
    hl = make(secret)
    if kind == "function_call":
        hl.create_function_call(FunctionCallSpec(**SPEC), call_id="call-1")
    else:
        hl.create_human_contact(HumanContactSpec(msg="Hello?"), call_id="call-1")
    call = getattr(hl, f"escalate_email_{kind}")("call-1", Escalation(escalation_msg="The customer is on the phone"))
    assert call.call_id == "call-1"
    last: Any = only().events.last()
    assert last.detail["text"] == "The customer is on the phone"
    told = Notification.objects.filter(user=ana.user).order_by("pk").values_list("kind", flat=True)
    assert list(told) == ["approval.requested", "approval.escalated"]


async def test_the_asynchronous_client_works_too(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, secret: str, ana: Caller
) -> None:
    monkeypatch.setenv("HUMANLAYER_API_BASE", f"{live_server.url}{BASE}")
    monkeypatch.setenv("HUMANLAYER_API_KEY", secret)

    async def between(seconds: float) -> None:
        thread = threading.Thread(target=decided(ana, V.APPROVE))
        thread.start()
        thread.join()

    hl = AsyncHumanLayer(sleep=between)

    @hl.require_approval()
    async def multiply(x: int, y: int) -> int:
        return x * y

    assert await multiply(x=2, y=5) == 10


def test_a_call_that_is_sent_twice_is_made_once_and_its_id_is_taken(make: Any, secret: str) -> None:
    hl = make(secret, run_id="r-1")
    first = hl.create_function_call(FunctionCallSpec(**SPEC), call_id="call-1")
    assert hl.create_function_call(FunctionCallSpec(**SPEC), call_id="call-1") == first
    with pytest.raises(HumanLayerException, match="409"):
        hl.create_function_call(FunctionCallSpec(fn="divide", kwargs={}), call_id="call-1")
    assert Approval.objects.count() == 1
    hl.create_human_contact(HumanContactSpec(msg="Same id, other kind"), call_id="call-1")


def test_calls_stay_within_their_project(
    make: Any, secret: str, other_project: Project, project: Project, client: Client
) -> None:
    make(secret).create_function_call(FunctionCallSpec(**SPEC), call_id="call-1")
    elsewhere = make_key(other_project, Scope.APPROVALS_REQUEST)[1]

    def told(credential: str, path: str = "/function_calls/call-1", body: Any = None) -> int:
        api = Api(credential, client)
        return int((api.get(BASE + path) if body is None else api.post(BASE + path, body)).status_code)

    respond, yes = "/agent/function_calls/call-1/respond", {"approved": True}
    assert told(elsewhere) == 404
    assert told(secret, "/function_calls/call-2") == 404
    assert told(secret, "/function_calls/%00") == 404
    assert told(secret, "/contact_requests/call-1") == 404
    assert told(make_key(project, Scope.FEEDBACK_READ)[1]) == 403
    assert told("hr_nothing") == 401
    viewer = make_token(make_person("Vera", project, "viewer"))
    assert told(viewer) == 200
    assert told(viewer, respond, yes) == 403
    assert told(make_token(make_person("Stan", make_project("third"), "admin")), respond, yes) == 404
    assert told(secret, "/agent/function_calls/call-1/escalate_email", {"escalation_msg": "now"}) == 200
    assert told(viewer, "/agent/function_calls/call-1/escalate_email", {"escalation_msg": "now"}) == 403


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/function_calls", {"run_id": "r", "call_id": "c", "spec": {"fn": "f"}}, "spec.kwargs"),
        ("/function_calls", {"run_id": "r", "call_id": "c", "spec": {"fn": 7, "kwargs": {}}}, "spec.fn"),
        ("/function_calls", {"run_id": "r", "call_id": "a/b", "spec": {"fn": "f", "kwargs": {}}}, "call_id"),
        ("/function_calls", {"call_id": "c", "spec": {"fn": "f", "kwargs": {}}}, "run_id"),
        ("/contact_requests", {"run_id": "r", "call_id": "c", "spec": {"fn": "f", "kwargs": {}}}, "spec.msg"),
    ],
)
def test_an_invalid_call_is_refused_naming_the_field(
    secret: str, client: Client, path: str, body: Any, field: str
) -> None:
    response = Api(secret, client).post(BASE + path, body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Approval.objects.exists()


def test_an_address_that_is_not_served_answers_in_json(client: Client) -> None:
    response = client.get(f"{BASE}/agents")
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("options", [5, {}, "no", [5], [{}], [{"name": ["a"]}], [{"name": "a", "title": {}}]])
def test_options_that_are_no_options_are_refused_when_they_are_sent(
    project: Project, client: Client, secret: str, options: Any
) -> None:
    api = Api(secret, client)
    calls = {
        "function_calls": {"fn": "x", "kwargs": {}, "reject_options": options},
        "contact_requests": {"msg": "hello", "response_options": options},
    }
    for kind, spec in calls.items():
        refused = api.post(f"{BASE}/{kind}", {"run_id": "r", "call_id": "c", "spec": spec})
        assert refused.status_code == 422
        assert next(iter(spec.keys() - {"fn", "kwargs", "msg"})) in refused.content.decode()
    assert not Approval.objects.exists()


def test_a_call_with_options_from_before_they_were_looked_at_can_be_read(
    project: Project, client: Client, secret: str, ana: Caller
) -> None:
    api = Api(secret, client)
    api.post(f"{BASE}/function_calls", {"run_id": "r", "call_id": "c", "spec": {"fn": "x", "kwargs": {}}})
    decide(approval=only(), by=ana, ruling=Ruling(verdict=V.REJECT, reason="no"), now=clock.now())
    call = HumanLayerCall.objects.get()
    call.spec = {**call.spec, "reject_options": [{"name": ["a"]}, 5]}
    assert represent_call(call)["status"]["comment"] == "no"
