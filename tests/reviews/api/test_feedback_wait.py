"""Following the stream: `GET /api/v1/feedback?wait=` in front of Django."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections, transaction

from agents.authentication import Caller
from agents.models import ApiKey, Project
from agents.permissions import Scope
from console.lib import clock
from console.lib.notices import listener
from reviews import states
from reviews.api import feedback_wait
from reviews.api.wakeups import wakeups
from reviews.models import Approval
from reviews.services.decisions import Ruling, decide
from reviews.services.feedback_news import TOPIC
from tests.reviews.conftest import Api, make_key

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database_threads", "listening"),
]
APPROVE = Ruling(verdict=states.Verdict.APPROVE)
REJECT = Ruling(verdict=states.Verdict.REJECT, reason="no", labels=("amount",))
Follow = Callable[..., Any]
Make = Callable[..., Approval]


async def front(scope: Any, receive: Any, send: Any) -> None:
    """What the composition root does with these requests."""
    assert feedback_wait.handles(scope)
    await feedback_wait.application(scope, receive, send)


@pytest.fixture
async def follow() -> AsyncIterator[Follow]:
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=90) as client:

        async def get(secret: str, **query: object) -> tuple[list[dict[str, Any]], httpx.Response]:
            answer = await client.get(
                feedback_wait.PATH,
                params={name: str(value) for name, value in query.items()},
                headers={"authorization": f"Bearer {secret}"},
            )
            lines = answer.text.splitlines() if answer.status_code == 200 else []
            return [json.loads(line) for line in lines], answer

        yield get
    listener.stop()


async def followers(number: int) -> None:
    """Returns once that many wait."""
    deadline = time.monotonic() + 30
    while wakeups(TOPIC).waiting != number:
        assert time.monotonic() < deadline, f"{wakeups(TOPIC).waiting} wait, not {number}"
        await asyncio.sleep(0.01)


@sync_to_async
def made(make: Make, **fields: Any) -> Approval:
    return make(now=clock.now(), **fields)


@sync_to_async
def decided(approval: Approval, by: Caller, ruling: Ruling = APPROVE) -> None:
    decide(approval=approval, by=by, ruling=ruling, now=clock.now())


async def test_what_is_there_is_answered_at_once(
    follow: Follow, request_one: Make, ana: Caller, agent_api: Api
) -> None:
    for name in ("a", "b"):
        await decided(await made(request_one, action=name), ana)
    lines, answer = await follow(agent_api.secret, wait=30)
    seen = [line["action"] for line in lines]
    while len(seen) < 2:  # the transaction of another test may hold the second one back for a moment
        lines, answer = await follow(agent_api.secret, wait=30, cursor=answer.headers["handrail-cursor"])
        seen += [line["action"] for line in lines]
    assert seen == ["a", "b"]
    assert answer.headers["content-type"] == "application/x-ndjson"


async def test_a_follower_is_told_as_soon_as_somebody_decides(
    follow: Follow, request_one: Make, ana: Caller, agent_api: Api
) -> None:
    approval = await made(request_one)
    waiting = asyncio.create_task(follow(agent_api.secret, wait=60))
    await followers(1)
    began = time.monotonic()
    await decided(approval, ana)
    lines, answer = await waiting
    assert [line["approval_id"] for line in lines] == [str(approval.pk)]
    assert time.monotonic() - began < 30
    assert (await follow(agent_api.secret, wait=0, cursor=answer.headers["handrail-cursor"]))[0] == []


async def test_the_end_of_the_wait_is_an_empty_answer_with_a_cursor(follow: Follow, agent_api: Api) -> None:
    lines, answer = await follow(agent_api.secret, wait="0.2")
    assert (lines, answer.status_code) == ([], 200)
    assert answer.headers["handrail-cursor"]


async def test_what_does_not_match_wakes_nobody_up_for_good(
    follow: Follow, request_one: Make, ana: Caller, agent_api: Api
) -> None:
    first, second = await made(request_one), await made(request_one)
    waiting = asyncio.create_task(follow(agent_api.secret, wait=60, label="amount"))
    await followers(1)
    await decided(first, ana)
    await decided(second, ana, REJECT)
    lines, _answer = await waiting
    assert [line["approval_id"] for line in lines] == [str(second.pk)]


async def test_nothing_is_lost_behind_a_cursor_while_a_slow_transaction_holds_one_back(
    follow: Follow, request_one: Make, ana: Caller, ben: Caller, agent_api: Api
) -> None:
    slow, quick = await made(request_one, action="slow"), await made(request_one, action="quick")
    written, release = threading.Event(), threading.Event()

    def decide_slowly() -> None:
        try:
            with transaction.atomic():
                decide(approval=slow, by=ana, ruling=APPROVE, now=clock.now())
                written.set()
                assert release.wait(30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=decide_slowly)
    thread.start()
    try:
        await sync_to_async(written.wait)(30)
        await decided(quick, ben)
        early, answer = await follow(agent_api.secret, wait="0.5")
        waiting = asyncio.create_task(follow(agent_api.secret, wait=60, cursor=answer.headers["handrail-cursor"]))
        await followers(1)
    finally:
        release.set()
        await sync_to_async(thread.join)()
    late, answer = await waiting
    while len(late) < 2:
        more, answer = await follow(agent_api.secret, wait=60, cursor=answer.headers["handrail-cursor"])
        late += more
    assert early == []
    assert sorted(line["action"] for line in late) == ["quick", "slow"]


async def test_a_key_that_is_revoked_meanwhile_learns_nothing(
    follow: Follow, request_one: Make, ana: Caller, project: Project
) -> None:
    approval = await made(request_one)
    key, secret = await sync_to_async(make_key)(project, Scope.FEEDBACK_READ)
    waiting = asyncio.create_task(follow(secret, wait=60))
    await followers(1)
    await sync_to_async(ApiKey.objects.filter(pk=key.pk).update)(revoked_at=clock.now() - timedelta(seconds=1))
    await decided(approval, ana)
    _lines, answer = await waiting
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ({"wait": "61"}, 422, "wait"),
        ({"wait": 1, "verdict": "shrug"}, 422, "verdict"),
        ({"wait": 1, "cursor": "zz"}, 400, "cursor"),
    ],
)
async def test_a_senseless_parameter_is_refused_by_name(
    follow: Follow, agent_api: Api, query: dict[str, object], status: int, field: str
) -> None:
    _lines, answer = await follow(agent_api.secret, **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (status, field)


async def test_who_may_not_read_feedback_may_not_wait_for_it(follow: Follow, project: Project) -> None:
    _key, secret = await sync_to_async(make_key)(project, Scope.APPROVALS_REQUEST)
    assert (await follow(secret, wait=5))[1].status_code == 403
    assert (await follow("hr_nothing", wait=5))[1].status_code == 401


async def test_followers_hold_no_thread_while_they_wait(
    follow: Follow, request_one: Make, ana: Caller, agent_api: Api
) -> None:
    approval = await made(request_one)
    waiting = [asyncio.create_task(follow(agent_api.secret, wait=60)) for _number in range(40)]
    await followers(40)
    threads = [one for one in threading.enumerate() if one.name.startswith("feedback-wait")]
    assert len(threads) <= feedback_wait.THREADS
    await decided(approval, ana)
    answers = await asyncio.gather(*waiting)
    assert all([line["approval_id"] for line in lines] == [str(approval.pk)] for lines, _answer in answers)
    await followers(0)
