"""Agents that wait for a decision."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError
from psycopg.conninfo import make_conninfo

from agents.authentication import Caller
from agents.models import ApiKey, Project
from agents.permissions import Scope
from console.lib import clock
from console.lib.notices import APPLICATION_NAME, listener
from reviews import states
from reviews.api import wait
from reviews.api.reading import Reading
from reviews.api.wakeups import Wakeups, wakeups
from reviews.models import Approval
from reviews.services.decisions import Ruling, decide
from reviews.services.information import request_info
from tests.reviews.conftest import Api, make_key, make_token

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database_threads", "listening"),
]

Ask = Callable[..., Any]
APPROVE = Ruling(verdict=states.Verdict.APPROVE)


async def front(scope: Any, receive: Any, send: Any) -> None:
    """What the composition root does with these requests."""
    assert wait.handles(scope)
    await wait.application(scope, receive, send)


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    transport = httpx.ASGITransport(front)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", timeout=90) as client:

        async def get(secret: str, approval: Any, seconds: object) -> httpx.Response:
            return await client.get(
                f"/api/v1/approvals/{getattr(approval, 'pk', approval)}",
                params={"wait": str(seconds)},
                headers={"authorization": f"Bearer {secret}"},
            )

        yield get
    listener.stop()


async def waiters(number: int) -> None:
    """Returns once that many wait."""
    deadline = time.monotonic() + 30
    while wakeups().waiting < number:
        assert time.monotonic() < deadline, f"only {wakeups().waiting} of {number} wait"
        await asyncio.sleep(0.01)


async def waiters_gone() -> None:
    """Returns once nobody waits."""
    deadline = time.monotonic() + 10
    while wakeups().waiting:
        assert time.monotonic() < deadline, f"{wakeups().waiting} still wait"
        await asyncio.sleep(0.01)


async def decide_now(approval: Approval, by: Caller, ruling: Ruling = APPROVE) -> None:
    await sync_to_async(decide)(approval=approval, by=by, ruling=ruling, now=clock.now())


async def cut_off(address: str) -> None:
    """Ends the connections that listen in the database of the address, once there are any."""
    await wakeups().ready()
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as admin:
        cut = await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )
        assert cut.rowcount >= 1


@pytest.fixture
def fresh(request_one: Callable[..., Approval]) -> Callable[..., Approval]:
    return lambda **fields: request_one(now=clock.now(), **fields)


async def test_a_waiting_agent_hears_of_the_decision_at_once(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)
    done, _waiting = await asyncio.wait({answer}, timeout=0.2)
    assert not done
    started = time.monotonic()
    await decide_now(approval, ana)
    response = await answer
    assert time.monotonic() - started < 2
    assert response.json()["status"] == "approved"
    assert response.json()["decision"]["reviewers"][0]["name"] == "Ana"


async def test_a_waiting_agent_hears_of_a_question_once(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)
    await sync_to_async(request_info)(approval=approval, by=ana, text="Which customer?", now=clock.now())
    asked = await answer
    assert (asked.json()["status"], asked.json()["messages"][0]["text"]) == ("info_requested", "Which customer?")
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)
    done, _waiting = await asyncio.wait({answer}, timeout=0.2)
    assert not done
    await decide_now(approval, ana)
    assert (await answer).json()["status"] == "approved"


async def test_a_waiting_agent_is_told_when_the_time_to_withdraw_is_over(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval], project: Project
) -> None:
    project.undo_seconds = 1
    await project.asave()
    approval = await sync_to_async(fresh)()
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)
    await decide_now(approval, ana)
    done, _waiting = await asyncio.wait({answer}, timeout=0.5)
    assert not done
    assert (await answer).json()["decision"]["decided_by"] == "Ana"


async def test_the_answer_is_the_one_of_the_view(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    await decide_now(approval, ana)
    waited = await ask(agent_api.secret, approval, 5)
    viewed = await sync_to_async(agent_api.get)(f"/api/v1/approvals/{approval.pk}")
    assert waited.json() == viewed.json()
    assert waited.headers["content-type"] == viewed.headers["content-type"]


async def test_an_undecided_wait_ends_with_the_pending_request(
    ask: Ask, agent_api: Api, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    response = await ask(agent_api.secret, approval, 0.2)
    assert (response.status_code, response.json()["status"]) == (200, "pending")


async def test_a_wait_beyond_the_deadline_ends_with_the_expiry(
    ask: Ask, agent_api: Api, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)(timeout=timedelta(seconds=1))
    response = await ask(agent_api.secret, approval, 30)
    body = response.json()
    assert (body["status"], body["decision"], body["effect"]) == ("expired", None, "deny")


@pytest.mark.parametrize("seconds", ["61", "-1", "soon", "nan", "1e9", "inf"])
async def test_a_senseless_wait_is_refused_by_name(
    ask: Ask, agent_api: Api, fresh: Callable[..., Approval], seconds: str
) -> None:
    approval = await sync_to_async(fresh)()
    waited = await ask(agent_api.secret, approval, seconds)
    viewed = await sync_to_async(agent_api.get)(f"/api/v1/approvals/{approval.pk}", wait=seconds)
    assert waited.status_code == viewed.status_code == 422
    assert waited.json() == viewed.json()
    assert waited.json()["errors"][0]["field"] == "wait"


async def test_errors_are_those_of_the_view(
    ask: Ask, agent_api: Api, other_project: Any, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    _key, stranger = await sync_to_async(make_key)(other_project, Scope.APPROVALS_REQUEST)
    _key, unscoped = await sync_to_async(make_key)(approval.project, Scope.FEEDBACK_READ)
    cases = [
        (stranger, approval.pk, 404),
        (unscoped, approval.pk, 403),
        ("hr_wrong", approval.pk, 401),
        (agent_api.secret, "not-an-id", 404),
        (agent_api.secret, "01900000-0000-7000-8000-000000000000", 404),
    ]
    for secret, approval_id, status in cases:
        waited = await ask(secret, approval_id, 5)
        viewed = await sync_to_async(Api(secret, agent_api.client).get)(f"/api/v1/approvals/{approval_id}")
        assert (waited.status_code, viewed.status_code) == (status, status)
        assert waited.json() == viewed.json()
        assert waited.headers["content-type"] == viewed.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("step", ["caller_from_headers", "_read_now"])
async def test_a_database_that_is_away_is_answered_and_may_be_asked_again(
    ask: Ask, agent_api: Api, fresh: Callable[..., Approval], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    approval = await sync_to_async(fresh)()

    def away(*_asked: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(wait, step, away)
    response = await ask(agent_api.secret, approval, 5)
    assert (response.status_code, response.headers["content-type"]) == (503, "application/problem+json")
    assert int(response.headers["retry-after"]) > 0


async def test_what_nobody_thought_of_is_answered_and_logged(
    ask: Ask, agent_api: Api, fresh: Callable[..., Approval], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    approval = await sync_to_async(fresh)()

    def broken(_asked: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(wait, "_read_now", broken)
    response = await ask(agent_api.secret, approval, 5)
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in response.text
    assert "approval_wait_error" in caplog.messages


async def test_a_person_may_wait_with_a_token_or_the_browser_session(
    ask: Ask, ana: Caller, client: Any, fresh: Callable[..., Approval]
) -> None:
    assert ana.user is not None
    approval = await sync_to_async(fresh)()
    response = await ask(await sync_to_async(make_token)(ana.user), approval, 0.01)
    assert response.status_code == 200
    await sync_to_async(client.force_login)(ana.user, "django.contrib.auth.backends.ModelBackend")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://x") as browser:
        path = f"/api/v1/approvals/{approval.pk}?wait=0.01"
        inside = await browser.get(path, headers={"cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"})
        outside = await browser.get(path)
    assert (inside.status_code, outside.status_code) == (200, 401)


async def test_a_key_revoked_during_the_wait_learns_nothing(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)
    await sync_to_async(ApiKey.objects.update)(revoked_at=clock.now())
    await decide_now(approval, ana)
    assert (await answer).status_code == 401


async def test_a_client_that_leaves_frees_its_waiter(agent_api: Api, fresh: Callable[..., Approval]) -> None:
    approval = await sync_to_async(fresh)()
    left = asyncio.Event()

    async def receive() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(f"nobody is there to hear {message}")

    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/v1/approvals/{approval.pk}",
        "query_string": b"wait=60",
        "headers": [(b"authorization", f"Bearer {agent_api.secret}".encode())],
    }
    connection = asyncio.create_task(front(scope, receive, send))
    await waiters(1)
    left.set()
    await connection
    await waiters_gone()
    listener.stop()


async def test_a_decision_while_the_listener_was_cut_off_is_not_missed(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval = await sync_to_async(fresh)()
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await waiters(1)

    await cut_off(settings.DATABASE_DIRECT_URL)
    await decide_now(approval, ana)
    assert (await asyncio.wait_for(answer, 10)).json()["status"] == "approved"


async def test_a_decision_is_heard_of_while_the_listener_cannot_come_back(
    ask: Ask,
    agent_api: Api,
    ana: Caller,
    fresh: Callable[..., Approval],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approval = await sync_to_async(fresh)()
    asleep, changed = asyncio.Event(), wait.Waiter.changed

    async def watched(waiter: wait.Waiter, seconds: float) -> Reading:
        if wakeups().patience() is None:
            asleep.set()
        return await changed(waiter, seconds)

    monkeypatch.setattr(wait.Waiter, "changed", watched)
    answer = asyncio.create_task(ask(agent_api.secret, approval, 30))
    await asyncio.wait_for(asleep.wait(), 10)
    address = settings.DATABASE_DIRECT_URL
    settings.DATABASE_DIRECT_URL = make_conninfo(address, dbname="nowhere")
    await cut_off(address)
    await decide_now(approval, ana)
    assert (await asyncio.wait_for(answer, 10)).json()["status"] == "approved"


@pytest.mark.parametrize("later", range(5))
async def test_a_waiter_that_is_cancelled_as_it_is_woken_ends(later: int) -> None:
    waiters_of_loop = Wakeups()
    task = asyncio.create_task(waiters_of_loop.ready())
    await asyncio.sleep(0.01)
    waiters_of_loop._connected.set()
    for _turn in range(later):
        await asyncio.sleep(0)
    if task.cancel():
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_is_said_while_the_row_is_read_makes_it_be_read_again(
    agent: Caller, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approval, waiter = await sync_to_async(fresh)(), wait.Waiter()
    first = await waiter.read((agent, str(approval.pk)))
    assert first.open_until is not None
    await decide_now(approval, ana)
    waiter.look()  # said before anybody waited for it
    async with asyncio.timeout(5):
        assert b'"status":"approved"' in (await waiter.changed(30)).document


async def test_whoever_leaves_while_waiting_is_not_read_for_any_more(
    agent: Caller, fresh: Callable[..., Approval]
) -> None:
    approval, waiter = await sync_to_async(fresh)(), wait.Waiter()
    await waiter.read((agent, str(approval.pk)))
    waiting = asyncio.create_task(waiter.changed(30))
    await asyncio.sleep(0)
    waiter.leave()
    waiter.look()
    with pytest.raises(wait.ClientLeft):
        await waiting


async def test_five_hundred_agents_wait_on_few_threads_and_all_hear(
    ask: Ask, agent_api: Api, ana: Caller, fresh: Callable[..., Approval]
) -> None:
    approvals = await sync_to_async(lambda: [fresh() for _ in range(25)])()
    answers = [asyncio.create_task(ask(agent_api.secret, approvals[n % 25], 60)) for n in range(500)]
    await waiters(500)
    assert threading.active_count() < 50
    started = time.monotonic()
    for approval in approvals:
        await decide_now(approval, ana)
    statuses = {response.json()["status"] for response in await asyncio.gather(*answers)}
    assert statuses == {"approved"}
    assert time.monotonic() - started < 20
    await waiters_gone()
