"""Traces of a month as if a fleet had sent them: written straight into their tables, as many as asked for.

Values repeat as they do in practice: few agents, models and names, some thousand people, a session of some traces each,
3 % errors, costs and durations with a long tail, most traces in the order of their start.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from metrics.facets import digest
from metrics.search_words import pair, project_token

NS_PER_DAY = 86_400 * 10**9
DAYS = 30
AGENTS = tuple(f"agent-{number:02d}" for number in range(40))
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-3-5-sonnet-20241022", "claude-3-5-haiku-20241022", "gemini-1.5-pro")
ENVIRONMENTS = ("prod", "staging", "dev")
TAGS = tuple(f"tag-{number:02d}" for number in range(30))
TEAMS = ("support", "research", "platform", "billing")
VERSIONS = tuple(f"2.{number}" for number in range(12))
PROMPTS = tuple(f"prompt-{number:02d}" for number in range(20))
ERRORS = ("TimeoutError", "RateLimitError", "ToolError", "ValueError", "BudgetExceeded")
USERS = 2_000
SPANS_PER_TRACE = 8
WORD_DAYS = 14
END_NS = 1_790_000_000 * 10**9
"""When the histories of the trace list end."""


@dataclass(frozen=True)
class History:
    """What was written: traces, and the nanoseconds they are spread over."""

    traces: int
    start_ns: int
    end_ns: int


def traces(connection: psycopg.Connection[Any], project_id: int, *, count: int, end_ns: int) -> History:
    """Writes `count` trace summaries of one project over the DAYS before `end_ns`, then VACUUM and ANALYZE.

    The connection must be in autocommit. Repeatable: the same arguments write the same rows.
    """
    start_ns = end_ns - DAYS * NS_PER_DAY
    parameters: dict[str, Any] = {
        "project": project_id, "count": count, "start": start_ns, "step": (end_ns - start_ns) // count,
        "users": USERS, "sessions": max(count // 6, 1), "salt": project_id,
    }  # fmt: skip
    for field, values in _FIELDS.items():
        parameters[field] = list(values)
        parameters[f"{field}_digests"] = [digest(project_id, field, value) for value in values]
    parameters["name_digests"] = [digest(project_id, "name", f"invoke_agent {agent}") for agent in AGENTS]
    parameters["status_digests"] = [digest(project_id, "status", value) for value in ("ok", "error", "waiting")]
    connection.execute(_TRACES, parameters)
    connection.execute("VACUUM (ANALYZE) metrics_trace")
    return History(count, start_ns, end_ns)


def ensure(connection: psycopg.Connection[Any], project_id: int, *, count: int, end_ns: int) -> None:
    """Writes the traces of a project, and what the text index knows of their last WORD_DAYS, unless it is there."""
    found = connection.execute("SELECT count(*) FROM metrics_trace WHERE project_id = %s", [project_id]).fetchone()
    if found != (count,):
        connection.execute("DELETE FROM metrics_trace WHERE project_id = %s", [project_id])
        traces(connection, project_id, count=count, end_ns=end_ns)
    indexed = connection.execute("SELECT 1 FROM metrics_search WHERE project_id = %s LIMIT 1", [project_id]).fetchone()
    if indexed is None:
        words(connection, project_id, end_ns=end_ns)


def words(connection: psycopg.Connection[Any], project_id: int, *, end_ns: int) -> None:
    """Indexes the traces of the last WORD_DAYS with some hundred words each; partitions must be there.

    Among them are words that nearly a third, a tenth, a hundredth and next to none of the traces have.
    """
    connection.execute("DROP TABLE IF EXISTS chunk")
    connection.execute(_CHUNKS)
    known = {"failed": pair("http.status_code", 500), "project": project_token(project_id), "number": project_id}
    connection.execute(_WORDS, {**known, "since": (end_ns // NS_PER_DAY - WORD_DAYS) * NS_PER_DAY})
    connection.execute("VACUUM (ANALYZE) metrics_search")


_FIELDS = {
    "agent": AGENTS, "model": MODELS, "environment": ENVIRONMENTS, "tag": TAGS, "team": TEAMS, "version": VERSIONS,
    "prompt": PROMPTS, "error": ERRORS,
}  # fmt: skip

# A number from 0 to 1 out of the number of a trace and a name: the same in every run, unlike random().
_CHANCE = "(('x' || substr(md5(n || '{name}' || %(salt)s), 1, 8))::bit(32)::bigint / 4294967296.0)"


def _chance(name: str) -> str:
    return _CHANCE.format(name=name)


def _place(name: str, size: int, *, favour: int = 1) -> str:
    """An index from 1 to `size`; `favour` above 1 prefers the first ones."""
    return f"(1 + floor(power({_chance(name)}, {favour}) * {size}))::int"


_TRACES = f"""
INSERT INTO metrics_trace (
    project_id, trace_id, root_name, start_ns, end_ns, duration_ns, status, root_status, error_count, span_count,
    agents, models, tags, error_types, facets, session_id, user_id, environment, team, agent_version, prompt_name,
    prompt_version, metadata, input_tokens, output_tokens, cost_nanos, has_root, ranks, updated_at
)
SELECT
    %(project)s, decode(md5(n || 'id' || %(salt)s), 'hex'), 'invoke_agent ' || (%(agent)s::text[])[agent],
    began, began + lasted, lasted, status, status, errors, spans,
    ARRAY[(%(agent)s::text[])[agent]], ARRAY[(%(model)s::text[])[model]], tags,
    CASE WHEN errors > 0 THEN ARRAY[(%(error)s::text[])[error]] ELSE '{{}}' END,
    ARRAY[
        (%(agent_digests)s::bigint[])[agent], (%(model_digests)s::bigint[])[model],
        (%(environment_digests)s::bigint[])[environment], (%(team_digests)s::bigint[])[team],
        (%(version_digests)s::bigint[])[version], (%(prompt_digests)s::bigint[])[prompt],
        (%(name_digests)s::bigint[])[agent],
        (%(status_digests)s::bigint[])[CASE status WHEN 'ok' THEN 1 WHEN 'error' THEN 2 ELSE 3 END]
    ] || tag_digests || CASE WHEN errors > 0 THEN ARRAY[(%(error_digests)s::bigint[])[error]] ELSE '{{}}' END,
    'conversation-' || session, 'user-' || floor(power({_chance("user")}, 2) * %(users)s)::int,
    (%(environment)s::text[])[environment], (%(team)s::text[])[team], (%(version)s::text[])[version],
    (%(prompt)s::text[])[prompt], '1', '{{"release": "2.4.1", "region": "eu-west"}}',
    tokens, tokens / 6, tokens * (300 + 4000 * {_chance("price")})::bigint, true,
    array_fill(decode('00' || md5(n::text), 'hex'), ARRAY[8]), to_timestamp((began + lasted) / 1e9)
FROM (
    SELECT
        n, %(start)s + n * %(step)s::bigint + floor({_chance("jitter")} * 4 * %(step)s)::bigint AS began,
        (exp(14.5 + 7 * power({_chance("lasted")}, 1.7)) * 1000)::bigint AS lasted,
        (100 + exp(3 + 8 * {_chance("tokens")}))::bigint AS tokens,
        CASE WHEN {_chance("failed")} < 0.03 THEN 'error' WHEN {_chance("waits")} < 0.004 THEN 'waiting' ELSE 'ok' END
            AS status,
        CASE WHEN {_chance("failed")} < 0.05 THEN {_place("errors", 4, favour=3)} ELSE 0 END AS errors,
        {_place("spans", 14)} + 1 AS spans,
        {_place("agent", len(AGENTS), favour=3)} AS agent, {_place("model", len(MODELS), favour=2)} AS model,
        {_place("environment", len(ENVIRONMENTS), favour=4)} AS environment, {_place("team", len(TEAMS))} AS team,
        greatest(1, least({len(VERSIONS)}, ceil(n::numeric / %(count)s * {len(VERSIONS)})))::int AS version,
        {_place("prompt", len(PROMPTS), favour=2)} AS prompt, {_place("error", len(ERRORS), favour=2)} AS error,
        floor(n / 6.0 + {_chance("session")} * 40)::bigint %% %(sessions)s AS session,
        ARRAY[(%(tag)s::text[])[{_place("tag", len(TAGS), favour=3)}]] AS tags,
        ARRAY[(%(tag_digests)s::bigint[])[{_place("tag", len(TAGS), favour=3)}]] AS tag_digests
    FROM generate_series(0, %(count)s - 1) AS n
) AS made
"""

# Runs of words of a vocabulary whose words are used the less the further behind they stand.
_CHUNKS = """
CREATE TEMPORARY TABLE chunk AS
SELECT number, array_agg(DISTINCT 'w' || floor(power(random(), 3) * 4000)::int) AS words
FROM generate_series(0, 1999) AS number CROSS JOIN generate_series(1, 24)
GROUP BY number
"""
_WORDS = """
INSERT INTO metrics_search (project_id, trace_id, start_ns, words)
SELECT project_id, trace_id, start_ns, array_to_tsvector(ARRAY(SELECT DISTINCT unnest(
    a.words || b.words || c.words || d.words || e.words || %(project)s::text
    || ('=' || substr(encode(trace_id, 'base64'), 1, 8)) || ('~' || substr(encode(trace_id, 'hex'), 1, 8))
    || CASE WHEN chance < 0.3 THEN 'refund' ELSE 'order' END || CASE WHEN chance > 0.9 THEN 'timeout' ELSE 'done' END
    || CASE WHEN chance BETWEEN 0.25 AND 0.26 THEN 'chargeback' ELSE 'paid' END
    || CASE WHEN chance BETWEEN 0.5 AND 0.52 THEN %(failed)s::text ELSE 'fine' END
    || CASE WHEN chance BETWEEN 0.7 AND 0.70001 THEN 'zebra' ELSE 'horse' END
)))
FROM (
    SELECT project_id, trace_id, start_ns, get_byte(trace_id, 0) * 7 AS one, get_byte(trace_id, 1) * 7 AS two,
        get_byte(trace_id, 2) * 7 AS three, get_byte(trace_id, 3) * 7 AS four, get_byte(trace_id, 4) * 7 AS five,
        (get_byte(trace_id, 5) * 65536 + get_byte(trace_id, 6) * 256 + get_byte(trace_id, 7)) / 16777216.0 AS chance
    FROM metrics_trace WHERE project_id = %(number)s AND start_ns >= %(since)s
) AS made
JOIN chunk AS a ON a.number = one JOIN chunk AS b ON b.number = two + 1 JOIN chunk AS c ON c.number = three + 2
JOIN chunk AS d ON d.number = four + 3 JOIN chunk AS e ON e.number = five + 4
"""
