"""kill -9 in the middle of a decision: it is there as a whole or not at all, and the agent learns which."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg

from tests.e2e.running import Console
from tests.faults import killing
from tests.faults.examining import Stored
from tests.waiting import eventually

PATH = "/api/v1/approvals"


def asked(agent: httpx.Client) -> str:
    answer = agent.post(PATH, json={"action": "refund", "arguments": {"amount": 5}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@contextlib.contextmanager
def nobody_finishes(stored: Stored) -> Iterator[None]:
    """Decisions get as far as their labelled example and wait there: after the request's row, before the commit."""
    with psycopg.connect(stored.url) as held:
        held.execute("LOCK TABLE reviews_feedbackexample IN SHARE MODE")
        yield
        held.rollback()


def in_the_middle(stored: Stored) -> bool:
    """Whether somebody waits there."""
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'reviews_feedbackexample'::regclass"
    return bool(stored.query(waiting))


def traces_of(stored: Stored, key: str) -> tuple[Any, ...]:
    """The status, and how many verdicts, examples and lines of the timeline say that it was decided."""
    return stored.query(
        f"SELECT status, (SELECT count(*) FROM reviews_decision WHERE approval_id = a.id),"
        f" (SELECT count(*) FROM reviews_feedbackexample WHERE approval_id = a.id),"
        f" (SELECT count(*) FROM reviews_approvalevent WHERE approval_id = a.id AND kind = 'decided')"
        f" FROM reviews_approval a WHERE id = '{key}'"
    )[0]


def patiently(agent: httpx.Client, key: str, found: list[str]) -> None:
    """Waits for the decision as the SDK does: whoever hangs up is asked again."""
    status = "pending"
    while status == "pending":
        with contextlib.suppress(httpx.TransportError):
            status = agent.get(f"{PATH}/{key}", params={"wait": 20}).json().get("status", status)
    found.append(status)


def test_a_web_worker_that_dies_in_a_decision_leaves_nothing_and_the_agent_learns_of_the_next(
    console: Console, stored: Stored, agent: httpx.Client, reviewer: httpx.Client
) -> None:
    key = asked(agent)
    learned: list[str] = []
    waiter = threading.Thread(target=patiently, args=(agent, key, learned), daemon=True)
    waiter.start()
    lost: list[BaseException] = []

    def decide() -> httpx.Response:
        return reviewer.post(
            f"{PATH}/{key}/decisions", json={"verdict": "approve"}, headers={"Idempotency-Key": "the-same"}
        )

    def decide_in_vain() -> None:
        try:
            decide()
        except httpx.TransportError as error:
            lost.append(error)

    with nobody_finishes(stored):
        deciding = threading.Thread(target=decide_in_vain)
        deciding.start()
        eventually(lambda: in_the_middle(stored), timeout=30)
        for worker in killing.web_workers(console):
            worker.kill()
        deciding.join(60)
        assert lost
    eventually(lambda: not in_the_middle(stored), timeout=30)
    killing.recovers(console)
    assert traces_of(stored, key) == ("pending", 0, 0, 0)
    assert learned == []
    assert decide().json()["decision"]["verdict"] == "approve"
    waiter.join(60)
    assert (learned, traces_of(stored, key)) == (["approved"], ("approved", 1, 1, 1))


def test_a_worker_that_dies_while_it_closes_a_decided_request_leaves_it_to_the_next(
    console: Console, stored: Stored, agent: httpx.Client, reviewer: httpx.Client
) -> None:
    key = asked(agent)
    stored.query(f"UPDATE reviews_approval SET undo_seconds = 1 WHERE id = '{key}'")
    with nobody_finishes(stored):
        answer = reviewer.post(f"{PATH}/{key}/decisions", json={"verdict": "approve"})
        assert (answer.status_code, answer.json()["status"]) == (200, "pending")
        eventually(lambda: in_the_middle(stored), timeout=30)
        killing.kill_with_all_below(killing.command(console, "worker"))
        assert traces_of(stored, key) == ("pending", 1, 0, 0)
    eventually(lambda: traces_of(stored, key) == ("approved", 1, 1, 1), timeout=60)
    assert agent.get(f"{PATH}/{key}").json()["status"] == "approved"
