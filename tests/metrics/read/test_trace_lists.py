"""Lists of traces in any order, under any filter, page by page: exactly what a naive reading of all traces gives."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Project
from console.lib.http import encode_cursor
from metrics.facets import FIELDS, digest
from metrics.models import Trace
from metrics.questions import trace_filter
from metrics.selectors import trace_scan, traces
from metrics.selectors.trace_scan import Matching
from metrics.trace_filter import SORTS, TEXT_SORTS, Order, TraceFilter
from tests.metrics.sending import NOW, ns

START = ns(NOW)


def value_of(trace: Trace, sort: str) -> Any:
    return {
        "start": trace.start_ns,
        "duration": trace.duration_ns,
        "cost": trace.cost_nanos,
        "tokens": trace.input_tokens + trace.output_tokens,
        "errors": trace.error_count,
        "spans": trace.span_count,
        # By text, those of one text are in the order of their starts.
        "name": (trace.root_name.lower(), trace.start_ns),
        "user": (trace.user_id, trace.start_ns),
        "session": (trace.session_id, trace.start_ns),
    }[sort]


def listed(trace: Trace, sort: str) -> bool:
    """Whether a list by this shows the trace at all."""
    return bool({"user": trace.user_id, "session": trace.session_id}.get(sort, "any"))


def made(chance: random.Random, project_id: int, number: int) -> Trace:
    """A trace with few different values: many are equal in what they are sorted by."""
    status = chance.choice(["ok", "ok", "ok", "error", "waiting"])
    errors = chance.choice([1, 2]) if status == "error" else chance.choice([0, 0, 0, 1])
    said = {
        "environment": chance.choice(["prod", "dev", ""]),
        "team": chance.choice(["a", ""]),
        "agent_version": chance.choice(["1", "2"]),
        "prompt_name": chance.choice(["p", ""]),
    }
    found = {
        "agent": f"agent-{chance.randrange(3)}",
        "model": f"model-{chance.randrange(2)}",
        "tag": f"tag-{chance.randrange(3)}",
        "error": f"Error{chance.randrange(2)}" if errors else "",
    }
    facets = {**found, "status": status, **said, "version": said["agent_version"], "prompt": said["prompt_name"]}
    start, lasted = START + chance.randrange(6), chance.randrange(4)
    return Trace(
        project_id=project_id,
        trace_id=chance.randbytes(15) + bytes([number % 256]),
        root_name=chance.choice(["Invoke A", "invoke ab", "chat"]),
        start_ns=start,
        duration_ns=lasted,
        status=status,
        error_count=errors,
        span_count=chance.randrange(1, 4),
        agents=[found["agent"]],
        models=[found["model"]],
        tags=[found["tag"]],
        error_types=[found["error"]] if errors else [],
        facets=numbered(project_id, facets),
        session_id=chance.choice(["s1", "s2", ""]),
        user_id=chance.choice(["u1", ""]),
        **{name: chance.randrange(3) for name in ("input_tokens", "output_tokens")},
        cost_nanos=chance.randrange(4) * 10**9,
        updated_at=NOW,
        end_ns=start + lasted,
        **said,
    )


def numbered(project_id: int, facets: dict[str, str]) -> list[int]:
    """The facets of a trace, and some of what it once was."""
    once = [digest(project_id, "status", "waiting"), digest(project_id, "environment", "prod")]
    return [*once, *(digest(project_id, field, value) for field, value in facets.items() if value and field in FIELDS)]


def keeps(chosen: TraceFilter, row: Trace) -> bool:
    """The filter as its documentation says it."""
    tokens = row.input_tokens + row.output_tokens
    equal = (
        (chosen.status, [row.status]), (chosen.agent, row.agents), (chosen.model, row.models), (chosen.tag, row.tags),
        (chosen.session, [row.session_id]), (chosen.user, [row.user_id]), (chosen.environment, [row.environment]),
        (chosen.team, [row.team]), (chosen.version, [row.agent_version]), (chosen.prompt, [row.prompt_name]),
        (chosen.error_type, row.error_types),
    )  # fmt: skip
    bounds = (
        (chosen.min_cost_nanos, row.cost_nanos, chosen.max_cost_nanos),
        (chosen.min_duration_ns, row.duration_ns, chosen.max_duration_ns),
        (chosen.min_tokens, tokens, chosen.max_tokens),
        (chosen.min_spans, row.span_count, chosen.max_spans),
        (chosen.min_errors, row.error_count, chosen.max_errors),
        (chosen.start_ns or 0, row.start_ns, None if chosen.end_ns is None else chosen.end_ns - 1),
    )
    return (
        all(not wanted or wanted in there for wanted, there in equal)
        and all(least <= value and (most is None or value <= most) for least, value, most in bounds)
        and row.root_name.lower().startswith(chosen.name.lower())
        and (row.error_count > 0 or not chosen.errors)
    )


def any_filter(chance: random.Random) -> TraceFilter:
    """A combination of some filters."""
    possible: dict[str, Any] = {
        "status": chance.choice(["ok", "error", "waiting"]),
        "agent": "agent-1",
        "model": "model-0",
        "tag": "tag-2",
        "session": "s1",
        "user": "u1",
        "environment": "prod",
        "team": "a",
        "version": "2",
        "prompt": "p",
        "name": chance.choice(["INVOKE a", "ch", "%"]),
        "error_type": "Error1",
        "errors": True,
        "min_cost_nanos": 10**9,
        "max_cost_nanos": 2 * 10**9,
        "min_duration_ns": 1,
        "max_duration_ns": 0,
        "min_tokens": 2,
        "max_tokens": 3,
        "min_spans": 2,
        "max_spans": 2,
        "min_errors": chance.choice([1, 2]),
        "max_errors": chance.choice([0, 1]),
        "start_ns": START + 2,
        "end_ns": START + 4,
    }
    return TraceFilter(**{name: possible[name] for name in chance.sample(sorted(possible), chance.randrange(4))})


def walk(project_id: int, chosen: TraceFilter, order: Order, limit: int) -> Iterator[list[Trace]]:
    """Every page forwards; each is also met again from behind."""
    page = traces.page(project_id, chosen, order=order, limit=limit)
    while True:
        yield list(page.traces)
        if page.after is None:
            return
        following = traces.page(project_id, chosen, order=order, limit=limit, after=page.after)
        if following.before is not None:
            back = traces.page(project_id, chosen, order=order, limit=limit, before=following.before)
            assert [row.pk for row in back.traces] == [row.pk for row in page.traces]
        page = following


# Reading along the index for as long as it takes, for two rows only, and never: all roads lead to the same list.
@pytest.mark.parametrize(("cheap", "steps"), [(-1.0, 10_000), (-1.0, 2), (1e12, 2)])
def test_every_list_is_what_a_naive_reading_gives(
    project: Project, other_project: Project, monkeypatch: pytest.MonkeyPatch, cheap: float, steps: int
) -> None:
    monkeypatch.setattr(trace_scan, "CHEAP", cheap)
    monkeypatch.setattr(trace_scan, "WALK_ROWS", steps)
    monkeypatch.setattr(trace_scan, "WALK_ROWS_BY_START", steps)
    chance = random.Random(7)
    rows = [made(chance, project.pk, number) for number in range(120)]
    Trace.objects.bulk_create([*rows, *(made(chance, other_project.pk, number) for number in range(40))])
    for _ in range(60):
        chosen, order = any_filter(chance), Order(chance.choice(SORTS), chance.random() < 0.5)
        expected = sorted(
            (row for row in rows if keeps(chosen, row) and listed(row, order.sort)),
            key=lambda row: (value_of(row, order.sort), bytes(row.trace_id)),
            reverse=not order.ascending,
        )
        found = [row for page in walk(project.pk, chosen, order, chance.choice([1, 7, 50])) for row in page]
        assert [bytes(row.trace_id) for row in found] == [bytes(row.trace_id) for row in expected], (chosen, order)


@pytest.mark.parametrize("asked", [{}, {"agent": "agent-1"}, {"q": "word"}, {"q": "word", "status": "ok"}])
@pytest.mark.parametrize("sort", SORTS)
def test_a_page_takes_few_queries_however_many_traces_there_are(
    project: Project, asked: dict[str, str], sort: str
) -> None:
    chance = random.Random(3)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            traces.page(project.pk, trace_filter(asked), order=Order(sort), limit=5)
        return len(captured)

    Trace.objects.bulk_create(made(chance, project.pk, number) for number in range(4))
    assert queries() <= 9
    Trace.objects.bulk_create(made(chance, project.pk, number) for number in range(200))
    assert queries() <= 9


def test_cursors_belong_to_their_order(ask: Callable[..., Any], project: Project) -> None:
    chance = random.Random(5)
    Trace.objects.bulk_create(made(chance, project.pk, number) for number in range(9))
    following = ask("traces", sort="cost", order="asc", limit=2).json()["next"]
    cursor = following.partition("cursor=")[2].partition("&")[0]
    assert ask("traces", sort="cost", order="asc", limit=2, cursor=cursor).status_code == 200
    assert ask("traces", sort="cost", limit=2, cursor=cursor).status_code == 400
    assert ask("traces", sort="tokens", order="asc", limit=2, cursor=cursor).status_code == 400
    assert ask("traces", sort="name", order="asc", limit=2, cursor=cursor).status_code == 400
    for value in ("a\x00b", 7, None):
        forged = encode_cursor(["name", value, "00" * 16, 1])
        assert ask("traces", sort="name", limit=2, cursor=forged).status_code == 400, value


@pytest.mark.parametrize("sort", TEXT_SORTS)
def test_the_api_walks_lists_by_text_with_its_cursors(ask: Callable[..., Any], project: Project, sort: str) -> None:
    chance = random.Random(11)
    rows = [made(chance, project.pk, number) for number in range(30)]
    Trace.objects.bulk_create(rows)
    found: list[str] = []
    query: dict[str, Any] = {"sort": sort, "order": "asc", "limit": 4}
    while True:
        body = ask("traces", **query).json()
        found += [row["trace_id"] for row in body["results"]]
        if not body["next"]:
            break
        query["cursor"] = parse_qs(urlsplit(body["next"]).query)["cursor"][0]
    expected = sorted(
        (row for row in rows if listed(row, sort)), key=lambda row: (value_of(row, sort), bytes(row.trace_id))
    )
    assert found == [bytes(row.trace_id).hex() for row in expected]


@pytest.mark.parametrize("sort", TEXT_SORTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_deep_page_by_text_is_read_from_the_index_and_not_sorted(project: Project, sort: str, order: str) -> None:
    chance = random.Random(13)
    rows = [made(chance, project.pk, number) for number in range(3_000)]
    for number, row in enumerate(rows):
        row.start_ns = START + number // 2
    Trace.objects.bulk_create(rows)
    ascending = Order(sort, ascending=order == "asc")
    matching = Matching(project.pk)
    deep = trace_scan.first(matching, ascending, limit=800)[-1]
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as captured:
        cursor.execute("ANALYZE metrics_trace")
        # As it is planned for a million: so few rows would rather all be read and sorted.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        trace_scan.first(matching, ascending, limit=50, beyond=deep)
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + captured[-1]["sql"])
        (plan,) = cursor.fetchone()
    nodes = list(nodes_of((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]))
    assert f"metrics_trace_{sort}" in {node.get("Index Name") for node in nodes}
    # A few more than are shown: those of one text that began together are put in order by their ids.
    read = sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in nodes if "Index Name" in node)
    assert read < 70


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes_of(inner)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"order": "up"}, "order"),
        ({"min_tokens": "x"}, "min_tokens"),
        ({"max_cost_usd": "-1"}, "max_cost_usd"),
        ({"min_spans": "5", "max_spans": "4"}, "min_spans"),
        ({"max_errors": "some"}, "max_errors"),
        ({"sort": "agent"}, "sort"),
        ({"min_duration_ms": "5", "max_duration_ms": "4"}, "min_duration_ms"),
    ],
)
def test_bounds_that_cannot_be_are_named(ask: Callable[..., Any], query: dict[str, str], parameter: str) -> None:
    answer = ask("traces", **query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, parameter)


def test_a_bound_of_nothing_is_a_bound(ask: Callable[..., Any], project: Project) -> None:
    chance = random.Random(9)
    rows = [made(chance, project.pk, number) for number in range(30)]
    Trace.objects.bulk_create(rows)
    free = ask("traces", max_cost_usd="0", limit=100).json()["results"]
    assert len(free) == sum(row.cost_nanos == 0 for row in rows) > 0
