"""What becomes of the work of a worker that died."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.scheduling import Dealing

TESTS = [f"tests/test_it.py::test_{number}" for number in range(9)]


class Node:
    """A worker that only notes what it is given."""

    def __init__(self) -> None:
        self.given: list[int] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="gw")

    def send_runtest_some(self, places: list[int]) -> None:
        self.given += places

    def shutdown(self) -> None:
        self.shutting_down = True


class Silent:
    """A log that nobody reads."""

    def __call__(self, *_words: object) -> None:
        """Forgets it."""

    def __getattr__(self, _name: str) -> "Silent":
        return self


@pytest.fixture
def dealing(pytestconfig: pytest.Config) -> Dealing:
    workers = ["popen", "popen"]
    options = SimpleNamespace(loadscopereorder=False, maxschedchunk=None, tx=workers)
    config: Any = SimpleNamespace(option=options, hook=pytestconfig.hook, getvalue=lambda name: workers)
    return Dealing(config, cast(Any, Silent()))


def joins(dealing: Dealing, node: Any) -> None:
    """A worker starts, and has collected."""
    dealing.add_node(node)
    dealing.add_node_collection(node, TESTS)
    if dealing.collection_is_completed:
        dealing.schedule()


def finish(dealing: Dealing, node: Any) -> list[int]:
    """Runs what a worker has and gets, as workers do: none begins before the next is known, or that there is none."""
    done: list[int] = []
    while len(done) < len(node.given) and (node.shutting_down or len(node.given) - len(done) > 1):
        done.append(node.given[len(done)])
        dealing.mark_test_complete(node, done[-1])
    return done


def test_what_a_dead_worker_had_left_is_done_once_by_those_who_live(dealing: Dealing) -> None:
    dying, living, late = Node(), Node(), Node()
    for node in (dying, living):
        joins(dealing, node)
    for place in list(dying.given[:1]):
        dealing.mark_test_complete(dying, place)
    done = [dying.given[0]]
    assert dealing.remove_node(dying) == TESTS[dying.given[1]]
    joins(dealing, late)
    done += finish(dealing, living) + finish(dealing, late)
    assert sorted([*done, dying.given[1]]) == list(range(len(TESTS)))
    assert dealing.tests_finished


def test_two_that_die_one_after_the_other_leave_nobody_waiting(dealing: Dealing) -> None:
    first, second, third, fourth = Node(), Node(), Node(), Node()
    for node in (first, second):
        joins(dealing, node)
    lost = [dealing.remove_node(first)]
    dealing.add_node(third)
    lost.append(dealing.remove_node(second))
    dealing.add_node(fourth)
    for node in (third, fourth):
        dealing.add_node_collection(node, TESTS)
        dealing.schedule()
    done = finish(dealing, third) + finish(dealing, fourth)
    assert sorted([TESTS[place] for place in done] + [str(test) for test in lost]) == sorted(TESTS)
    assert dealing.tests_finished
