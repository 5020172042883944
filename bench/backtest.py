"""How long a policy takes to be tried on the past: `python -m bench.backtest`."""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.database import database
from bench.table import Figure, show

REQUESTS = 100_000
PEOPLE = 20
CONVERSATION = [
    {"role": role, "content": "I was charged twice for order A-17 and would like the second charge back. " * 3}
    for role in ("user", "assistant", "user", "assistant")
]


def figures(*, requests: int = REQUESTS) -> Iterator[Figure]:
    """A policy of a few rules, and one with every template switched on, history and all."""
    with database():
        from reviews.policy.schema import DEFAULT_FACTORS, DEFAULT_LEVELS, EVERY_REQUEST, Effect, Policy, Rule, dump
        from reviews.policy.templates import DEFAULT_POLICY

        project = _fill(requests)
        small = Rule("small", Effect.AUTO_APPROVE, "has(args.amount) && args.amount < 50.0")
        large = Rule("large", Effect.AUTO_REJECT, 'over("amount", 9000)')
        plain = Policy((small, large, EVERY_REQUEST), DEFAULT_FACTORS, DEFAULT_LEVELS)
        every = tuple(replace(rule, enabled=True) for rule in DEFAULT_POLICY.rules)
        full = Policy((small, *every), DEFAULT_FACTORS, DEFAULT_LEVELS)
        for name, policy in (("three rules", plain), ("eleven rules, history and costs", full)):
            seconds, processor = _tried(project, dump(policy), requests)
            yield Figure(f"back-test of {name} over {requests:,} requests", seconds, "s", 20)
            yield Figure("of which this process worked", processor, "s")


def _tried(project: Any, document: Any, requests: int) -> tuple[float, float]:
    from reviews.models import Backtest
    from reviews.services import backtests

    now = datetime.now(UTC)
    trial = backtests.Trial(subject=Backtest.Subject.SENT, number=1, document=document)
    made = backtests.start(project=project, by=None, trial=trial, since=now - timedelta(days=400), until=now, now=now)
    began, worked = time.perf_counter(), time.process_time()
    more = backtests.run(backtest_id=made.pk, clock=lambda: datetime.now(UTC), until=now + timedelta(hours=1))
    seconds, processor = time.perf_counter() - began, time.process_time() - worked
    made.refresh_from_db()
    assert (more, made.status, made.done) == (False, "done", requests)
    return seconds, processor


def _fill(requests: int) -> Any:
    """Requests of ninety days, most of them decided by people, some with an outcome."""
    from django.db import connection

    from agents.models import Project, User
    from reviews.services import policies

    project = Project.objects.create(slug="large", name="Large")
    version = policies.in_force(project=project)
    people = [User.objects.create_user(f"p{n}@example.org", name=f"P {n}").pk for n in range(PEOPLE)]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            _REQUESTS,
            {"project": project.pk, "version": version.pk, "people": people, "requests": requests, "talk": _talk()},
        )
        for statement in (_ITEMS, _DECISIONS, _OUTCOMES):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")
        for table in ("approval", "approvalitem", "decision", "approvalevent"):
            cursor.execute(f"VACUUM (ANALYZE) reviews_{table}")
    return project


def _talk() -> str:
    import json

    random.seed(7)
    return json.dumps(CONVERSATION)


_REQUESTS = """
INSERT INTO reviews_approval (
    id, project_id, status, action, summary, description, context, metadata, tags, priority, team, confidence,
    suggestion, agent, agent_version, session_id, end_user, trace_id, span_id, requested_by_label, policy_version_id,
    rule, risk_level, risk_score, risk, rule_trace, plan, requested_at, timeout_seconds, on_timeout, expires_at,
    due_minute, callback_url, escalation_step, at_expiry, undo_seconds, closed_at, verdict, decided_by_id,
    decided_by_label, outcome, flags, unchecked_chars)
SELECT gen_random_uuid(), %(project)s,
       CASE WHEN n %% 10 = 0 THEN 'expired' WHEN n %% 6 = 0 THEN 'rejected' ELSE 'approved' END,
       'action ' || n %% 20, 'Refund a double charge', '',
       json_build_object('customer', json_build_object('tier', CASE WHEN n %% 3 = 0 THEN 'verified' ELSE 'new' END),
                         'messages', %(talk)s::json),
       '{}', '{}', 'normal', '', 0.8, 'approve', 'agent ' || n %% 8, '1.0', 'session ' || n / 5, 'user ' || n / 5,
       CASE WHEN n %% 4 = 0 THEN lpad(to_hex(n), 32, '0') ELSE '' END, '', 'bot', %(version)s, 'every request', 'low',
       0.1, '{}', '[]', '{}', made.at, 86400, 'reject', made.at + interval '1 day', 0, '', 0, 'reject', 0,
       made.at + interval '5 minutes',
       CASE WHEN n %% 10 = 0 THEN '' WHEN n %% 6 = 0 THEN 'reject' ELSE 'approve' END,
       CASE WHEN n %% 10 = 0 THEN NULL ELSE (%(people)s::bigint[])[1 + n %% 20] END, 'Somebody',
       CASE WHEN n %% 5 = 1 AND n %% 6 <> 0 THEN jsonb_build_object('status', CASE WHEN n %% 50 = 1 THEN 'failed'
            ELSE 'succeeded' END, 'detail', '{}'::jsonb, 'recorded_at', made.at + interval '1 hour', 'by', 'bot') END,
       '[]', 0
  FROM (SELECT n, now() - interval '90 days' + n * (interval '89 days' / %(requests)s) AS at
          FROM generate_series(1, %(requests)s) AS n) AS made
"""
_ITEMS = """
INSERT INTO reviews_approvalitem (approval_id, index, action, description, arguments, allowed_decisions, metadata)
SELECT id, 0, action, '',
       json_build_object('order', left(id::text, 8), 'amount', round((random() * 200)::numeric, 2), 'currency', 'EUR'),
       '{approve,edit,reject,respond}', '{}'
  FROM reviews_approval
"""
_DECISIONS = """
INSERT INTO reviews_decision (
    project_id, approval_id, item_id, verdict, reason, message, labels, reviewer_id, reviewer_name, reviewer_role,
    decided_at)
SELECT made.project_id, made.id, item.id, made.verdict, 'Because', '', '{}', made.decided_by_id, 'Somebody', 'reviewer',
       made.closed_at
  FROM reviews_approval AS made JOIN reviews_approvalitem AS item ON item.approval_id = made.id
 WHERE made.decided_by_id IS NOT NULL
"""
_OUTCOMES = """
INSERT INTO reviews_approvalevent (project_id, approval_id, kind, at, actor_label, detail)
SELECT project_id, id, 'outcome', (outcome->>'recorded_at')::timestamptz, 'bot',
       jsonb_build_object('status', outcome->'status')
  FROM reviews_approval WHERE outcome IS NOT NULL
"""


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    show(figures(requests=parser.parse_args().requests))


if __name__ == "__main__":
    main()
