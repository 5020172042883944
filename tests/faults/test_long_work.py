"""kill -9 of the worker in the middle of an export and of a back-test: another goes on, without loss or repetition."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg

from tests.e2e.running import Console
from tests.faults import killing
from tests.faults.examining import Stored
from tests.waiting import eventually

REQUESTS = 3_000
PATIENCE = 240.0
HOLD = 4_217
"""Of the advisory lock on which the worker is held up."""
HELD = f"locktype = 'advisory' AND objid = {HOLD}"

# As many decided requests as are wanted, made of one: with other arguments, a second apart.
MULTIPLY = """
WITH made AS (SELECT gen_random_uuid() AS key, n FROM generate_series(1, {count}) AS n),
approvals AS (
    INSERT INTO reviews_approval
    SELECT (jsonb_populate_record(row, jsonb_build_object(
                'id', key, 'requested_at', row.requested_at - n * interval '1 second'))).*
      FROM reviews_approval AS row, made WHERE row.id = '{key}'),
items AS (
    INSERT INTO reviews_approvalitem
    SELECT (jsonb_populate_record(row, jsonb_build_object(
                'id', nextval(pg_get_serial_sequence('reviews_approvalitem', 'id')), 'approval_id', made.key,
                'arguments', jsonb_build_object('amount', n)))).*
      FROM reviews_approvalitem AS row, made WHERE row.approval_id = '{key}'
    RETURNING id, approval_id),
decisions AS (
    INSERT INTO reviews_decision
    SELECT (jsonb_populate_record(row, jsonb_build_object(
                'id', nextval(pg_get_serial_sequence('reviews_decision', 'id')), 'approval_id', items.approval_id,
                'item_id', items.id))).*
      FROM reviews_decision AS row, items WHERE row.approval_id = '{key}'
    RETURNING id, item_id, approval_id)
INSERT INTO reviews_feedbackexample
SELECT (jsonb_populate_record(row, jsonb_build_object(
            'id', nextval(pg_get_serial_sequence('reviews_feedbackexample', 'id')),
            'approval_id', decisions.approval_id, 'item_id', decisions.item_id, 'decision_id', decisions.id))).*
  FROM reviews_feedbackexample AS row, decisions WHERE row.approval_id = '{key}'
"""
HOLD_UP = """
CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared({hold}); RETURN NULL; END $$;
CREATE TRIGGER held_up AFTER {event} ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION hold_up()
"""


def decided(agent: httpx.Client, reviewer: httpx.Client, stored: Stored, action: str) -> None:
    """Requests that a person rejected."""
    asked = agent.post("/api/v1/approvals", json={"action": action, "arguments": {"amount": 0}}).json()
    ruled = reviewer.post(f"/api/v1/approvals/{asked['id']}/decisions", json={"verdict": "reject", "reason": "no"})
    assert ruled.status_code == 200, ruled.text
    stored.query(MULTIPLY.format(count=REQUESTS - 1, key=asked["id"]))


@contextlib.contextmanager
def held_up(stored: Stored, *, event: str, table: str, when: str) -> Iterator[None]:
    """Whoever writes such a row waits there, before the commit."""
    stored.query(HOLD_UP.format(hold=HOLD, event=event, table=table, when=when))
    try:
        with psycopg.connect(stored.url) as held:
            held.execute("SELECT pg_advisory_xact_lock(%s)", [HOLD])
            yield
            held.rollback()
    finally:
        stored.query(f"DROP TRIGGER held_up ON {table}; DROP FUNCTION hold_up()")


def somebody_waits(stored: Stored) -> bool:
    return bool(stored.query(f"SELECT 1 FROM pg_locks WHERE NOT granted AND {HELD}"))


def kill_the_worker(console: Console, stored: Stored, table: str) -> None:
    """Where it is held up; its lease then runs out at once instead of in a minute.

    PostgreSQL does not notice that a client is gone while it waits for a lock, so it is told.
    """
    eventually(lambda: somebody_waits(stored), timeout=PATIENCE)
    killing.kill_with_all_below(killing.command(console, "worker"))
    stored.query(f"SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND {HELD}")
    eventually(lambda: not somebody_waits(stored), timeout=PATIENCE)
    stored.query(f"UPDATE {table} SET leased_until = now() WHERE leased_until IS NOT NULL")


def done(client: httpx.Client, path: str, status: str) -> Any:
    """What is at an address once it has come to a status."""
    assert eventually(lambda: client.get(path).json()["status"] == status, timeout=PATIENCE)
    return client.get(path).json()


def test_an_export_goes_on_where_its_worker_was_killed(
    console: Console, stored: Stored, agent: httpx.Client, reviewer: httpx.Client
) -> None:
    decided(agent, reviewer, stored, "export_me")
    asked = {"name": "killed", "filters": {"action": "export_me"}, "mask": False}
    dataset = reviewer.post("/api/v1/datasets", json=asked).json()["id"]
    reviewer.post(f"/api/v1/datasets/{dataset}/versions")
    version = done(reviewer, f"/api/v1/datasets/{dataset}/versions/1", "ready")
    with held_up(stored, event="INSERT", table="reviews_exportpart", when="NEW.number = 5"):
        wanted = {"dataset": dataset, "version": 1, "format": "jsonl"}
        path = f"/api/v1/exports/{reviewer.post('/api/v1/exports', json=wanted).json()['id']}"
        kill_the_worker(console, stored, "reviews_export")
        assert 0 < reviewer.get(path).json()["rows"] < REQUESTS
    export = done(reviewer, path, "ready")
    assert (version["examples"], export["rows"]) == (REQUESTS, REQUESTS)
    data = reviewer.get(export["download"]).content
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == f"sha256:{export['sha256']}" == version["content_hash"]


def test_a_back_test_goes_on_where_its_worker_was_killed(
    console: Console, stored: Stored, agent: httpx.Client, reviewer: httpx.Client
) -> None:
    decided(agent, reviewer, stored, "try_me")
    rules = [
        {"name": "all of them", "effect": "auto_approve", "condition": 'action == "try_me"'},
        {"name": "the rest", "effect": "review", "condition": "true"},
    ]
    with held_up(stored, event="UPDATE", table="reviews_backtest", when="NEW.done > 1000 AND OLD.done < NEW.done"):
        wanted = {"policy": {"rules": rules}, "since": "2020-01-01T00:00:00Z"}
        path = f"/api/v1/policies/backtests/{reviewer.post('/api/v1/policies/backtests', json=wanted).json()['id']}"
        kill_the_worker(console, stored, "reviews_backtest")
        assert 0 < reviewer.get(path).json()["done"] < REQUESTS
    run = done(reviewer, path, "done")
    assert run["done"] == run["total"]
    assert run["results"]["false_approvals"]["by"] == {"reject": REQUESTS}
    kept = stored.query("SELECT count(*), count(DISTINCT approval_id) FROM reviews_backtestcase")
    assert kept == [(REQUESTS, REQUESTS)]
