"""kill -9 between the commit and the answer: whoever repeats the request with its Idempotency-Key learns the truth.

The commit is held up where PostgreSQL has made it durable and waits for a standby that does not exist, before it tells
the web worker. So the worker dies knowing nothing of a commit that stands.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg

from reviews.canonical import arguments_hash
from tests.e2e.running import Console
from tests.faults import killing
from tests.faults.examining import Stored
from tests.waiting import eventually

Send = Callable[[], httpx.Response]
PATH = "/api/v1/approvals"
ARGUMENTS = {"amount": 5}
WRITES = "SELECT pg_logical_emit_message(true, 'test', 'a commit that writes')"


def waits(stored: Stored, column: str, value: str) -> list[int]:
    """The processes of the database that wait for something."""
    found = stored.query(f"SELECT pid FROM pg_stat_activity WHERE {column} = '{value}'")
    return [pid for (pid,) in found]


@contextlib.contextmanager
def commits_are_never_confirmed(stored: Stored) -> Iterator[None]:
    """Every commit is durable and then waits, until the end."""

    def in_force() -> bool:
        probe = threading.Thread(target=stored.query, args=(WRITES,), daemon=True)
        probe.start()
        probe.join(0.5)
        return probe.is_alive()

    stored.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        stored.query("SELECT pg_reload_conf()")
        eventually(in_force, timeout=30)
        yield
    finally:
        stored.query("ALTER SYSTEM RESET synchronous_standby_names")
        stored.query("SELECT pg_reload_conf()")
        eventually(lambda: not waits(stored, "wait_event", "SyncRep"), timeout=30)


def dies_before_it_answers(console: Console, stored: Stored, send: Send) -> None:
    """Sends a request whose web worker is killed when its commit is durable."""
    lost: list[httpx.TransportError] = []

    def send_in_vain() -> None:
        try:
            send()
        except httpx.TransportError as error:
            lost.append(error)

    held_up = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'reviews_approvalevent'::regclass"
    sending = threading.Thread(target=send_in_vain)
    with psycopg.connect(stored.url) as held:
        held.execute("LOCK TABLE reviews_approvalevent IN SHARE MODE")
        sending.start()
        eventually(lambda: bool(stored.query(held_up)), timeout=30)
        ((backend,),) = stored.query(held_up)
        with commits_are_never_confirmed(stored):
            held.rollback()
            eventually(lambda: backend in waits(stored, "wait_event", "SyncRep"), timeout=30)
            for worker in killing.web_workers(console):
                worker.kill()
            sending.join(60)
            assert lost
    killing.recovers(console)


def keyed(client: httpx.Client, path: str, body: dict[str, Any]) -> Send:
    return lambda: client.post(path, json=body, headers={"Idempotency-Key": f"once {path}"})


def learned(send: Send) -> Any:
    """The answer that was lost."""
    answer = send()
    assert answer.is_success, answer.text
    assert answer.headers["Idempotent-Replayed"] == "true"
    return answer.json()


def test_a_request_a_decision_and_a_use_whose_answers_were_lost_are_learned_of_and_happened_once(
    console: Console, stored: Stored, agent: httpx.Client, reviewer: httpx.Client
) -> None:
    ask = keyed(agent, PATH, {"action": "lost", "arguments": ARGUMENTS})
    dies_before_it_answers(console, stored, ask)
    asked = learned(ask)
    assert asked["status"] == "pending"
    assert stored.query("SELECT id::text FROM reviews_approval WHERE action = 'lost'") == [(asked["id"],)]

    decide = keyed(reviewer, f"{PATH}/{asked['id']}/decisions", {"verdict": "approve"})
    dies_before_it_answers(console, stored, decide)
    assert agent.get(f"{PATH}/{asked['id']}", params={"wait": 20}).json()["status"] == "approved"
    decided = learned(decide)

    use = keyed(agent, f"{PATH}/{asked['id']}/consume", {"arguments_hash": arguments_hash(ARGUMENTS)})
    dies_before_it_answers(console, stored, use)
    used = learned(use)
    assert used["decision"]["receipt"] == decided["decision"]["receipt"]
    assert used["decision"]["consumed_at"]
    another = agent.post(f"{PATH}/{asked['id']}/consume", json={"arguments_hash": arguments_hash(ARGUMENTS)})
    assert (another.status_code, another.json()["refusal"]) == (409, "consumed")
    kinds = f"SELECT kind FROM reviews_approvalevent WHERE approval_id = '{asked['id']}' ORDER BY id"
    assert [kind for (kind,) in stored.query(kinds)] == ["requested", "decided", "consumed"]
