"""Rollups of ten days as if a fleet had sent its spans: minutes written straight into their table, the rest compacted.

Ten agents in one environment and two of them in another; each entry span has two model calls of one of two models, two
tools and a search below it, and 3 % of all spans fail: about 100 combinations of dimensions, most of them every minute.
"""

from datetime import datetime
from typing import Any

import psycopg

DAYS = 10
MINUTES = DAYS * 1_440
SPANS_PER_REQUEST = 8


def rollups(connection: psycopg.Connection[Any], project_id: int, *, spans: int, end: datetime) -> int:
    """Writes the minutes of about `spans` spans before `end`; returns the number of rows. Autocommit is expected."""
    with connection.transaction():
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        connection.execute("SELECT setseed(0.5)")
        parameters = {"project": project_id, "end": end, "minutes": MINUTES, "requests": spans / SPANS_PER_REQUEST}
        written = connection.execute(_ROLLUPS, parameters).rowcount
    connection.execute("VACUUM (ANALYZE) metrics_rollup")
    return written


def failed_spans(connection: psycopg.Connection[Any], project_id: int, *, spans: int, end: datetime) -> int:
    """Writes the 3 % of `spans` spans that failed, for whoever lists errors. Their partitions must be there."""
    with connection.transaction():
        connection.execute("SELECT setseed(0.25)")
        parameters = {"project": project_id, "end": end, "days": DAYS, "count": int(spans * 0.03)}
        written = connection.execute(_FAILED, parameters).rowcount
    connection.execute("VACUUM (ANALYZE) metrics_span")
    return written


# A histogram of n durations around a bucket: n pairs, buckets perhaps repeated, as ingest appends them.
_ROLLUPS = """
INSERT INTO metrics_rollup (
    project_id, seconds, start, entry, kind, name, agent, agent_version, environment, model, provider, status,
    span_count, error_count, unpriced_count, input_tokens, output_tokens, cache_read_tokens, cost_nanos,
    duration_sum_ns, histogram
)
SELECT
    %(project)s, 60, start, step.kind = 'agent', step.kind,
    CASE step.kind WHEN 'agent' THEN 'invoke_agent ' || agent.name ELSE step.name END, agent.name, '2.1',
    agent.environment, step.model, CASE step.model WHEN '' THEN '' ELSE 'openai' END, outcome.status, amount.n,
    CASE outcome.status WHEN 'error' THEN amount.n ELSE 0 END, 0, amount.n * step.tokens, amount.n * step.tokens / 6,
    amount.n * step.tokens / 3, amount.n * step.tokens * 700::bigint,
    amount.n * (1e6 * exp(step.bucket / 25.0))::bigint,
    ARRAY(
        SELECT part
        FROM generate_series(1, amount.n) AS one,
            LATERAL (SELECT step.bucket + (36 * (random() + random() + random() - 1.5))::integer AS bucket) AS drawn,
            LATERAL (VALUES (drawn.bucket), (1)) AS pair (part)
    )
FROM generate_series(1, %(minutes)s) AS minute
CROSS JOIN LATERAL (
    SELECT date_trunc('minute', %(end)s::timestamptz) - minute * interval '1 minute' AS start
) AS moment
CROSS JOIN (
    SELECT 'agent-' || number AS name, 'prod' AS environment, 0.09 AS share FROM generate_series(0, 9) AS number
    UNION ALL
    SELECT 'agent-' || number, 'staging', 0.05 FROM generate_series(0, 1) AS number
) AS agent
CROSS JOIN (VALUES
    ('agent', '', '', 1.0, 0, 240), ('llm', 'chat gpt-4o', 'gpt-4o', 0.6, 2400, 190),
    ('llm', 'chat gpt-4o-mini', 'gpt-4o-mini', 1.4, 1500, 170), ('tool', 'execute_tool lookup', '', 2.0, 0, 140),
    ('tool', 'execute_tool refund', '', 1.0, 0, 150), ('retriever', 'search', '', 2.0, 0, 130)
) AS step (kind, name, model, times, tokens, bucket)
CROSS JOIN (VALUES ('ok', 0.97), ('error', 0.03)) AS outcome (status, share)
CROSS JOIN LATERAL (
    SELECT floor(
        %(requests)s / %(minutes)s * agent.share * step.times * outcome.share * (0.5 + random()) + random() + 0 * minute
    )::integer AS n
) AS amount
WHERE amount.n > 0
"""

_FAILED = """
INSERT INTO metrics_span (
    project_id, trace_id, span_id, start_ns, duration_ns, received_at, entry, name, kind, status, error_type,
    error_message, detail
)
SELECT
    %(project)s, decode(md5('trace' || n), 'hex'), substr(decode(md5('span' || n), 'hex'), 1, 8),
    ((extract(epoch FROM %(end)s::timestamptz) - random() * %(days)s * 86400) * 1000000)::bigint * 1000, 1000000000,
    %(end)s, n %% 8 = 0, 'chat gpt-4o', 'llm', 'error',
    (ARRAY['TimeoutError', 'RateLimitError', 'ToolError', 'ValueError', 'BudgetExceeded'])[1 + (n %% 5)],
    'it did not answer within thirty seconds', ''
FROM generate_series(1, %(count)s) AS n
"""
