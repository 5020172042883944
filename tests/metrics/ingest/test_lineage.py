"""Whose agent's a span is, and that deep or circular traces cost no more than flat ones."""

import time
from typing import Any

from metrics.ingest.lineage import Node, counted, standings


def node(number: int, parent: int | None = None, **more: Any) -> Node:
    values = {"kind": "llm", "input_tokens": None, "output_tokens": None, "reported_cost_nanos": None} | more
    above = None if parent is None else parent.to_bytes(8, "big")
    return Node(span_id=number.to_bytes(8, "big"), start_ns=number, parent_span_id=above, **values)


def agents(*nodes: Node) -> dict[int, tuple[str, str]]:
    return {
        one.start_ns: (found.agent, found.agent_version) for one, found in zip(nodes, standings(nodes), strict=True)
    }


def test_a_span_without_an_agent_belongs_to_that_of_the_nearest_span_above() -> None:
    found = agents(
        node(1, agent="planner", agent_version="7"),
        node(2, 1),
        node(3, 2, agent="writer", agent_version="2"),
        node(4, 3),
        node(5, 2),
    )
    planner, writer = ("planner", "7"), ("writer", "2")
    assert found == {1: planner, 2: planner, 3: writer, 4: writer, 5: planner}


def test_a_span_with_no_agent_above_keeps_its_own_version() -> None:
    assert agents(node(1, agent_version="9"), node(2, agent="x"), node(3, 99)) == {
        1: ("", "9"),
        2: ("x", ""),
        3: ("", ""),
    }


def test_a_version_goes_with_the_agent_that_it_is_inherited_from() -> None:
    assert agents(node(1, agent="planner", agent_version="7"), node(2, 1, agent_version="sdk 3"))[2] == ("planner", "7")


def test_parents_in_a_circle_give_an_answer() -> None:
    found = agents(node(1, 2), node(2, 3), node(3, 1), node(4, 1), node(5, agent="x"))
    assert found[4] == ("", "")
    assert counted([node(1, 2, input_tokens=5), node(2, 1, kind="chain"), node(3, 1, input_tokens=7)])


def test_a_deep_trace_takes_no_longer_than_a_flat_one() -> None:
    chain = [node(1, agent="root"), *(node(number, number - 1, kind="chain") for number in range(2, 10_001))]
    leaves = [node(number, 10_000, input_tokens=3) for number in range(10_001, 20_001)]
    started = time.perf_counter()
    found = standings([*chain, *leaves])
    assert time.perf_counter() - started < 2
    assert all(one.counted and one.agent == "root" for one in found[10_000:])
