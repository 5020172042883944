"""The layout of traces, tidy and untidy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.steps import by_name
from metrics.waterfall import Row, Step, lay_out


def rows(*steps: Step) -> list[tuple[str, int]]:
    return [(row.id, row.depth) for row in lay_out(steps).rows]


def test_children_follow_their_parent_in_order_of_time() -> None:
    tree = [Step("b", "r", 50, 10), Step("r", "", 0, 100), Step("a", "r", 10, 10), Step("a1", "a", 12, 2)]
    assert rows(*tree) == [("r", 0), ("a", 1), ("a1", 2), ("b", 1)]


def test_a_span_whose_parent_never_came_is_a_root() -> None:
    layout = lay_out([Step("a", "missing", 0, 10), Step("b", "a", 1, 5)])
    assert [(row.id, row.depth, row.orphan) for row in layout.rows] == [("a", 0, True), ("b", 1, False)]


def test_parents_in_a_circle_are_cut_once() -> None:
    found = rows(Step("a", "c", 0, 10), Step("b", "a", 1, 8), Step("c", "b", 2, 6), Step("x", "x", 3, 1))
    assert sorted(name for name, _depth in found) == ["a", "b", "c", "x"]
    assert sum(depth == 0 for _name, depth in found) == 2


def test_the_critical_path_is_what_the_end_waited_for() -> None:
    layout = lay_out(
        [
            Step("root", "", 0, 100),
            Step("fast", "root", 0, 30),
            Step("slow", "root", 0, 60),
            Step("last", "root", 61, 39),
            Step("inside", "slow", 5, 50),
        ]
    )
    assert {row.id for row in layout.rows if row.critical} == {"root", "slow", "inside", "last"}


def test_self_time_counts_overlapping_children_once() -> None:
    layout = lay_out([Step("r", "", 0, 100), Step("a", "r", 10, 40), Step("b", "r", 30, 40)])
    assert {row.id: row.self_ns for row in layout.rows} == {"r": 40, "a": 40, "b": 40}


def test_bars_of_spans_that_took_no_time_can_still_be_seen() -> None:
    layout = lay_out([Step("r", "", 0, 1_000_000), Step("a", "r", 1_000_000, 0)])
    bar = layout.rows[1]
    assert bar.width > 0
    assert bar.left + bar.width <= 100


names = st.sampled_from([f"s{index}" for index in range(12)])


@given(st.lists(st.tuples(names, names | st.just(""), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30))
def test_every_span_gets_exactly_one_row_inside_the_chart(given_steps: list[tuple[str, str, int, int]]) -> None:
    steps = {name: Step(name, parent, start, length) for name, parent, start, length in given_steps}
    layout = lay_out(list(steps.values()))
    assert sorted(row.id for row in layout.rows) == sorted(steps)
    for row in layout.rows:
        assert 0 <= row.left <= 100
        assert row.left + row.width <= 100 + 0.26
        assert row.self_ns >= 0
    assert sum(1 + row.descendants for row in layout.rows if row.depth == 0) == len(steps)


def test_a_chain_as_deep_as_a_trace_may_be_needs_no_recursion() -> None:
    chain = [Step(str(index), str(index - 1) if index else "", index, 10_000 - index) for index in range(5_000)]
    assert lay_out(chain).deepest == 4_999
    assert pytest.approx(100) == lay_out(chain).rows[0].width


def test_the_critical_path_is_as_long_as_the_span_that_ended_last() -> None:
    layout = lay_out(
        [
            Step("root", "", 0, 100),
            Step("slow", "root", 10, 50),
            Step("late", "root", 61, 60),
            Step("inside", "slow", 5, 50),
        ]
    )
    spent = {row.id: row.critical_ns for row in layout.rows}
    assert spent == {"root": 11, "slow": 5, "late": 39, "inside": 45}
    assert sum(spent.values()) == 100


@given(st.lists(st.tuples(names, names | st.just(""), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=30))
def test_no_part_of_the_critical_path_is_counted_twice(given_steps: list[tuple[str, str, int, int]]) -> None:
    steps = {name: Step(name, parent, start, length) for name, parent, start, length in given_steps}
    rows = lay_out(list(steps.values())).rows
    roots = [steps[row.id] for row in rows if row.depth == 0]
    assert all(row.critical_ns >= 0 for row in rows)
    if roots:
        last = max(roots, key=lambda step: (step.end_ns, step.duration_ns))
        assert sum(row.critical_ns for row in rows) == last.duration_ns


def test_slow_is_what_takes_a_notable_share_by_itself() -> None:
    layout = lay_out([Step("r", "", 0, 100), Step("a", "r", 0, 60), Step("b", "r", 60, 5), Step("c", "r", 65, 15)])
    assert {row.id for row in layout.rows if row.slow} == {"r", "a"}


def test_time_by_name_adds_up_what_spans_take_themselves() -> None:
    steps = [
        Step("r", "", 0, 100),
        Step("a1", "r", 0, 40),
        Step("a2", "a1", 5, 30),
        Step("a3", "r", 50, 10),
        Step("b", "r", 70, 30),
    ]
    lengths = {step.id: step.duration_ns for step in steps}
    rows = [
        (row, row.id[0], "tool", "error" if row.id == "b" else "ok", lengths[row.id]) for row in lay_out(steps).rows
    ]
    found = {entry.name: entry for entry in by_name(rows, most=10)}
    assert (found["a"].count, found["a"].total_ns, found["a"].self_ns, found["a"].longest_id) == (3, 50, 50, "a2")
    assert (found["b"].count, found["b"].errors, found["b"].critical_share) == (1, 1, 0.3)
    assert sum(entry.critical_ns for entry in found.values()) == 100
    assert [entry.name for entry in by_name(rows, most=1)] == ["a"]


def _named(steps: list[Step]) -> list[tuple[Row, str, str, str, int]]:
    lengths = {step.id: step.duration_ns for step in steps}
    return [(row, row.id[0], "tool", "ok", lengths[row.id]) for row in lay_out(steps).rows]


def test_what_runs_side_by_side_under_one_name_counts_once() -> None:
    steps = [Step("a0", "", 0, 10), Step("a1", "a0", 1, 8), Step("a2", "a0", 1, 8), Step("b", "a2", 2, 3)]
    (whole, part) = by_name(_named(steps), most=10)
    assert (whole.name, whole.count, whole.total_ns, whole.self_ns) == ("a", 3, 10, 10)
    assert (part.name, part.total_ns, part.self_ns) == ("b", 3, 3)


many_names = st.sampled_from(["a1", "a2", "a3", "b1", "b2", "c1"])


@given(st.lists(st.tuples(many_names, many_names | st.just(""), st.integers(0, 60), st.integers(0, 60)), max_size=12))
def test_a_name_takes_no_longer_itself_than_in_total_and_no_longer_than_the_trace(
    given_steps: list[tuple[str, str, int, int]],
) -> None:
    steps = list({name: Step(name, parent, start, length) for name, parent, start, length in given_steps}.values())
    length = max((step.end_ns for step in steps), default=0) - min((step.start_ns for step in steps), default=0)
    for entry in by_name(_named(steps), most=10):
        assert 0 <= entry.self_ns <= entry.total_ns <= length
        moments = {t for step in steps if step.id[0] == entry.name for t in range(step.start_ns, step.end_ns)}
        assert entry.total_ns == len(moments)
