"""/api/v1/feedback: complete, in an order that can be followed, and only for those who may."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pgtrigger
import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connections, transaction
from django.db.models import F
from django.test import AsyncClient, Client

from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Scope
from metrics.models.score import Source
from metrics.scoring import Draft
from metrics.services import scores
from reviews import states
from reviews.models import Approval, FeedbackExample
from reviews.selectors import feedback as selector
from reviews.services import feedback_scores
from reviews.services.decisions import Ruling, decide
from reviews.services.expiry import expire_due
from reviews.services.outcomes import record_outcome
from reviews.services.requests import cancel_request
from tests.reviews.conftest import NOON, Api, make_key, make_person, make_token, pull_feedback

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_threads")]
PATH = "/api/v1/feedback"
SOON = NOON + timedelta(minutes=1)
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
REJECT = Ruling(verdict=states.Verdict.REJECT, reason="too much", labels=("amount",))
Make = Callable[..., Approval]


async def pull(api: Api, **query: Any) -> tuple[list[dict[str, Any]], str]:
    return await pull_feedback(api.secret, **query)


@sync_to_async
def decided(make: Make, by: Caller, ruling: Ruling = APPROVE, **fields: Any) -> Approval:
    approval = make(**fields)
    decide(approval=approval, by=by, ruling=ruling, now=SOON)
    return approval


async def test_a_line_tells_the_whole_example(request_one: Make, ana: Caller, agent_api: Api) -> None:
    approval = await decided(
        request_one, ana, REJECT, context={"vip": True}, agent="bot", agent_version="2", trace_id="a" * 32
    )
    (line,), _cursor = await pull(agent_api)
    assert line["approval_id"] == str(approval.pk)
    assert (line["verdict"], line["reason"], line["labels"]) == ("reject", "too much", ["amount"])
    assert (line["final_arguments"], line["diff"], line["outcome"]) == (None, [], None)
    assert (line["context"], line["agent"]) == ({"vip": True}, {"name": "bot", "version": "2"})
    assert (line["requested_at"], line["decided_at"]) == ("2026-03-02T12:00:00.000000Z", "2026-03-02T12:01:00.000000Z")
    assert set(line["reviewer"]) == {"id", "role"}
    assert "Ana" not in json.dumps(line)
    assert line["policy"] == {"version": 1, "rule": "every request is reviewed"}


async def test_reading_on_from_any_cursor_gives_the_rest(request_one: Make, ana: Caller, agent_api: Api) -> None:
    for n in range(5):
        await decided(request_one, ana, action=f"a{n}")
    lines, end = await pull(agent_api)
    assert [line["action"] for line in lines] == ["a0", "a1", "a2", "a3", "a4"]
    for place, line in enumerate(lines):
        rest, cursor = await pull(agent_api, cursor=line["cursor"])
        assert [row["action"] for row in rest] == [f"a{n}" for n in range(place + 1, 5)]
        assert cursor == end
        assert (await pull(agent_api, since=line["cursor"]))[0] == rest
    assert (await pull(agent_api, cursor=end)) == ([], end)


async def test_many_chunks_are_one_stream(
    request_one: Make, ana: Caller, agent_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "CHUNK", 2)
    for n in range(5):
        await decided(request_one, ana, action=f"a{n}")
    assert [line["action"] for line in (await pull(agent_api))[0]] == ["a0", "a1", "a2", "a3", "a4"]


async def test_filters_and_undecided_ends(request_one: Make, ana: Caller, agent: Caller, agent_api: Api) -> None:
    await decided(request_one, ana, action="pay", agent="x")
    await decided(request_one, ana, REJECT, action="pay", agent="y")
    cancelled = await sync_to_async(request_one)(action="gone")
    await sync_to_async(cancel_request)(approval=cancelled, by=agent, now=SOON)
    await sync_to_async(request_one)(action="slow")
    await sync_to_async(expire_due)(now=NOON + timedelta(hours=1))

    async def verdicts(**query: str) -> list[str]:
        return [line["verdict"] for line in (await pull(agent_api, **query))[0]]

    assert await verdicts() == ["approve", "reject"]
    assert await verdicts(action="pay", agent="y") == ["reject"]
    assert await verdicts(verdict="approve") == ["approve"]
    assert await verdicts(include="undecided") == ["approve", "reject", "cancelled", "expired"]
    assert await verdicts(verdict="expired") == ["expired"]
    assert await verdicts(since="2026-03-02T12:30:00Z", include="undecided") == ["expired"]


async def test_scores_of_people_are_followed_where_they_are_asked_for(
    project: Project, request_one: Make, ana: Caller, agent_api: Api
) -> None:
    trace = "ab" * 16
    await decided(request_one, ana, trace_id=trace)
    (_line,), cursor = await pull(agent_api, include="scores")
    draft = Draft(trace_id=bytes.fromhex(trace), name="helpful", value=0.5)
    give = sync_to_async(scores.record)
    await give(project=project, drafts=[draft], source=Source.HUMAN, by=ana, now=SOON)
    await sync_to_async(feedback_scores.take_told)(now=SOON)
    (line,), _cursor = await pull(agent_api, include="scores", cursor=cursor)
    assert (line["revision"], line["cause"], line["scores"][0]["value"]) == (2, "score", 0.5)
    assert (await pull(agent_api, cursor=cursor))[0] == []


async def test_an_outcome_appears_as_a_new_revision(
    request_one: Make, ana: Caller, agent: Caller, agent_api: Api
) -> None:
    approval = await decided(request_one, ana)
    _lines, cursor = await pull(agent_api)
    await sync_to_async(record_outcome)(approval=approval, by=agent, status="failed", detail={"code": 7}, now=SOON)
    (line,), _cursor = await pull(agent_api, cursor=cursor)
    assert (line["revision"], line["outcome"]["status"], line["outcome"]["detail"]) == (2, "failed", {"code": 7})


async def test_nothing_appears_behind_a_cursor_that_was_handed_out(
    request_one: Make, ana: Caller, ben: Caller, agent_api: Api
) -> None:
    """A slow transaction draws its row first and commits last: nobody may be led past it."""
    slow, quick = await sync_to_async(request_one)(action="slow"), await sync_to_async(request_one)(action="quick")
    written, release = threading.Event(), threading.Event()

    def decide_slowly() -> None:
        try:
            with transaction.atomic():
                decide(approval=slow, by=ana, ruling=APPROVE, now=SOON)
                written.set()
                assert release.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=decide_slowly)
    thread.start()
    try:
        await sync_to_async(written.wait)(30)
        await sync_to_async(decide)(approval=quick, by=ben, ruling=APPROVE, now=SOON)
        early, cursor = await pull(agent_api, settle=False)
    finally:
        release.set()
        await sync_to_async(thread.join)()
    late, _end = await pull(agent_api, cursor=cursor)
    assert early == []
    assert sorted(line["action"] for line in late) == ["quick", "slow"]


async def test_only_those_with_the_right_see_feedback(
    request_one: Make, ana: Caller, project: Project, other_project: Project, agent_api: Api, client: Client
) -> None:
    await decided(request_one, ana)

    @sync_to_async
    def status(secret: str) -> int:
        return int(Api(secret, client).get(PATH).status_code)

    @sync_to_async
    def token(role: str) -> str:
        return make_token(make_person(role, project, role))

    assert {role: await status(await token(role)) for role in ("viewer", "operator", "lead", "auditor")} == {
        "viewer": 403,
        "operator": 403,
        "lead": 200,
        "auditor": 200,
    }
    _key, unscoped = await sync_to_async(make_key)(project, Scope.APPROVALS_REQUEST)
    assert await status(unscoped) == 403
    _key, stranger = await sync_to_async(make_key)(other_project, Scope.FEEDBACK_READ)
    assert await pull(Api(stranger, client)) == ([], selector.cursor_at(selector.START))
    (line,), _cursor = await pull(agent_api)
    refused = await sync_to_async(Api(stranger, client).get)(PATH, cursor=line["cursor"])
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("cursor", "zzz", 400),
        ("cursor", "WzFd", 400),
        ("cursor", "WyJhIl0", 400),
        ("since", "yesterday", 422),
        ("verdict", "shrug", 422),
        ("include", "all", 422),
        ("wait", "soon", 422),
        ("wait", "61", 422),
        ("outcome", "fine", 422),
        ("until", "tomorrow", 422),
        ("label", "a\x00b", 422),
        ("action", "a\x00b", 422),
        ("actoin", "refund", 422),
    ],
)
async def test_a_senseless_parameter_is_refused_by_name(agent_api: Api, name: str, value: str, status: int) -> None:
    response = await sync_to_async(agent_api.get)(PATH, **{name: value})
    assert (response.status_code, response.json()["errors"][0]["field"]) == (status, name)


async def test_a_restore_into_another_cluster_loses_neither_examples_nor_cursors(
    request_one: Make, ana: Caller, agent_api: Api
) -> None:
    for n in range(3):
        await decided(request_one, ana, action=f"a{n}")
    lines, _end = await pull(agent_api)

    @sync_to_async
    def restored() -> None:
        with pgtrigger.ignore("reviews.FeedbackExample:feedback_append_only"):
            FeedbackExample.objects.update(transaction=F("transaction") + 2**40)
        call_command("renumber_feedback", stdout=io.StringIO())

    await restored()
    await decided(request_one, ana, action="a3")
    rest, _end = await pull(agent_api, cursor=lines[0]["cursor"])
    assert [line["action"] for line in rest] == ["a1", "a2", "a3"]


async def test_a_client_that_accepts_only_json_lines_is_served(agent_api: Api) -> None:
    headers = {"authorization": f"Bearer {agent_api.secret}", "accept": "application/x-ndjson"}
    assert (await AsyncClient().get(PATH, headers=headers)).status_code == 200
