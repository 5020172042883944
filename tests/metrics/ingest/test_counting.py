"""Every token is counted once, whatever order its spans come in and however often."""

import itertools
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from metrics import histogram
from metrics.ingest import pipeline, protobuf
from metrics.ingest.lineage import Node, counted
from metrics.models import Rollup, Span, Trace
from metrics.services import rollups
from tests.metrics.ingest import payloads
from tests.metrics.ingest.captures import RECORDED
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.payloads import model_call, span
from tests.metrics.ingest.test_captures import plain


def node(number: int, parent: int | None, tokens: int | None, kind: str = "llm", output: int | None = 0) -> Node:
    above = None if parent is None else bytes([parent])
    return Node(bytes([number]), number, above, kind, tokens, output, None)


def numbers(nodes: list[Node]) -> set[int]:
    return {key[0][0] for key in counted(nodes)}


def test_an_agent_that_repeats_its_children_does_not_count() -> None:
    assert numbers([node(1, None, 240, "agent"), node(2, 1, 120), node(3, 1, 120)]) == {2, 3}


def test_an_agent_that_reports_less_than_its_children_does_not_count() -> None:
    assert numbers([node(1, None, 10, "agent"), node(2, 1, 120)]) == {2}


def test_an_agent_that_repeats_only_half_of_the_usage_does_not_count() -> None:
    assert numbers([node(1, None, 120, "agent", None), node(2, 1, 120, output=30)]) == {2}


def test_usage_reaches_across_spans_without_usage() -> None:
    assert numbers([node(1, None, 240, "agent"), node(2, 1, None, "chain"), node(3, 2, 240)]) == {3}


def test_a_wrapped_model_call_with_the_same_numbers_counts_once() -> None:
    assert numbers([node(1, None, 120, output=30), node(2, 1, 120, output=30)]) == {2}


def test_a_model_call_that_repeats_the_sum_of_its_retries_counts_once() -> None:
    assert numbers([node(1, None, 200, output=30), node(2, 1, 80, output=10), node(3, 1, 120, output=20)]) == {2, 3}


def test_a_nested_model_call_with_other_numbers_counts_too() -> None:
    assert numbers([node(1, None, 300), node(2, 1, 40)]) == {1, 2}


def test_an_agent_without_children_that_report_counts_itself() -> None:
    assert numbers([node(1, None, 240, "agent"), node(2, 1, None, "tool")]) == {1}


def test_a_child_that_used_nothing_does_not_hide_its_parent() -> None:
    assert numbers([node(1, None, 120), node(2, 1, 0)]) == {1}


def test_spans_that_are_each_other_s_parents_do_not_hang_the_count() -> None:
    assert numbers([node(1, 2, 10, "agent"), node(2, 1, 20, "agent")]) == set()


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from([None, 0, 5, 9]), st.sampled_from(["llm", "agent"]))))
def test_the_order_of_spans_does_not_change_what_counts(shape: list[tuple[int, int | None, str]]) -> None:
    nodes = [node(i + 1, parent or None, tokens, kind) for i, (parent, tokens, kind) in enumerate(shape)]
    shuffled = random.Random(len(shape)).sample(nodes, len(nodes))
    assert counted(nodes) == counted(shuffled)


# An agent that repeats the usage of two model calls, one of them behind a chain, and a nested call of its own size.
# Only the agent's span says whose they all are.
FAMILY = [
    model_call(1, 400, operation="invoke_agent", gen_ai__agent__name="planner", gen_ai__agent__version="7"),
    span(2, parent=1, gen_ai__operation__name="chain"),
    model_call(3, 120, parent=2, start_ns=payloads.NOW_NS + 70_000_000_000),
    model_call(4, 280, parent=1),
    model_call(5, 40, parent=4, start_ns=payloads.NOW_NS - 61_000_000_000),
]
INPUT_TOKENS = 120 + 280 + 40


def figures(project_id: int) -> dict[str, Any]:
    """Everything that is derived from spans, without when it was written.

    Histograms as what they add up to; without rollups that corrections emptied, and without facets, which remember
    what a trace once was.
    """
    traces = [plain(row) for row in Trace.objects.filter(project_id=project_id).order_by("pk").values()]
    rollups = Rollup.objects.filter(project_id=project_id).exclude(span_count=0).order_by("pk").values()
    return {
        "rollups": [row | {"histogram": histogram.merge([row["histogram"]])} for row in rollups],
        "traces": [
            {name: value for name, value in row.items() if name not in {"updated_at", "facets"}} for row in traces
        ],
        "counted": sorted(
            bytes(span_id)[-1]
            for span_id in Span.objects.filter(project_id=project_id, usage_counted=True).values_list(
                "span_id", flat=True
            )
        ),
    }


def rebuilt(project_id: int) -> dict[str, Any]:
    """The figures as a rebuild of everything leaves them."""
    rollups.rebuild(project_id=project_id, start=RECORDED - timedelta(hours=2), end=RECORDED + timedelta(hours=2))
    return figures(project_id)


def without_project(state: dict[str, Any]) -> Any:
    return {
        name: [{k: v for k, v in row.items() if k != "project_id"} for row in rows] if name != "counted" else rows
        for name, rows in state.items()
    }


def test_spans_that_come_one_by_one_in_any_order_give_the_same_figures(
    new_sender: Callable[..., Sender], at_recording: datetime
) -> None:
    together = new_sender("together")
    together.post("/v1/traces", payloads.traces(FAMILY))
    expected = without_project(figures(together.project.pk))
    assert expected["traces"][0]["input_tokens"] == INPUT_TOKENS
    for position, order in enumerate(random.Random(7).sample(list(itertools.permutations(FAMILY)), 12)):
        apart = new_sender(f"apart-{position}")
        for one in order:
            assert apart.post("/v1/traces", payloads.traces([one])).status == 200
        assert without_project(figures(apart.project.pk)) == expected
        assert figures(apart.project.pk) == rebuilt(apart.project.pk)


def test_parent_and_children_that_come_at_once_give_the_figures_of_a_rebuild_a_thousand_times(
    sender: Sender, at_recording: datetime
) -> None:
    rounds = 1_000
    project_id = sender.project.pk

    together = threading.Barrier(3, timeout=30)

    def store(members: Sequence[int]) -> int:
        """Its part of every trace, each together with what the others have of the same trace."""
        stored = 0
        for trace in range(1, rounds + 1):
            part = [FAMILY[number] | {"trace_id": trace.to_bytes(16, "big")} for number in members]
            body = payloads.traces(part)
            together.wait()
            stored += pipeline.store_spans(project_id, protobuf.spans(body), at_recording).stored
        connection.close()
        return stored

    with ThreadPoolExecutor(max_workers=3) as threads:
        # The parent, its children, and some of both a second time.
        assert sum(threads.map(store, [(0, 1), (2, 3), (3, 0)])) == 4 * rounds
    found = figures(project_id)
    assert [trace["input_tokens"] for trace in found["traces"]] == [120 + 280] * rounds
    assert [trace["span_count"] for trace in found["traces"]] == [4] * rounds
    assert sum(row["input_tokens"] for row in found["rollups"] if row["agent"] == "planner") == (120 + 280) * rounds
    assert found == rebuilt(project_id)


def test_requests_that_come_at_once_give_the_figures_of_a_rebuild(sender: Sender) -> None:
    rounds = 20
    with ThreadPoolExecutor(max_workers=4) as threads:
        for trace in range(1, rounds + 1):
            renumbered = [one | {"trace_id": trace.to_bytes(16, "big")} for one in FAMILY]
            replies = threads.map(
                lambda one: sender.post("/v1/traces", payloads.traces([one])), renumbered + renumbered
            )
            assert {reply.status for reply in replies} == {200}
    found = figures(sender.project.pk)
    assert [trace["input_tokens"] for trace in found["traces"]] == [INPUT_TOKENS] * rounds
    assert {row["agent"] for row in found["rollups"]} == {"planner"}
    assert found == rebuilt(sender.project.pk)


def test_a_rebuild_repairs_figures_that_went_wrong(sender: Sender) -> None:
    sender.post("/v1/traces", payloads.traces(FAMILY))
    right = figures(sender.project.pk)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_span SET usage_counted = NOT usage_counted")
        cursor.execute("UPDATE metrics_rollup SET cost_nanos = 1, histogram = '{}'")
        cursor.execute("UPDATE metrics_trace SET input_tokens = 1, cache_read_tokens = 5, span_count = 99")
    assert figures(sender.project.pk) != right
    assert rebuilt(sender.project.pk) == right


def test_a_rebuild_of_a_few_minutes_leaves_the_others_right(sender: Sender) -> None:
    sender.post("/v1/traces", payloads.traces(FAMILY))
    right = figures(sender.project.pk)
    rollups.rebuild(project_id=sender.project.pk, start=RECORDED, end=RECORDED + timedelta(seconds=1))
    assert figures(sender.project.pk) == right


def test_a_span_id_that_is_used_again_at_another_time_is_another_span(sender: Sender) -> None:
    again = model_call(4, 100, start_ns=payloads.NOW_NS + 5)
    sender.post("/v1/traces", payloads.traces([model_call(4, 50), again, again]))
    assert Span.objects.filter(project_id=sender.project.pk).count() == 2


@pytest.mark.parametrize("days", [0, 1])
def test_a_trace_may_reach_over_midnight(sender: Sender, days: int) -> None:
    midnight = int(datetime(2026, 11, 21 - days, tzinfo=UTC).timestamp()) * 1_000_000_000
    before, after = midnight - 1_000_000_000, midnight + 1_000_000_000
    child = model_call(2, 120, parent=1, start_ns=after)
    sender.post("/v1/traces", payloads.traces([child]))
    sender.post("/v1/traces", payloads.traces([model_call(1, 120, operation="invoke_agent", start_ns=before)]))
    trace = Trace.objects.get(project_id=sender.project.pk)
    assert (trace.input_tokens, trace.span_count, trace.start_ns) == (120, 2, before)
