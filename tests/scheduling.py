"""Which xdist worker runs what: tests that share an expensive start stay together, the rest is dealt out one by one.

The groups are folders and modules and not `xdist_group` marks: pytest 9.2 makes a test's id from its place in the
tree, so the suffix by which pytest-xdist 3.8 knows a mark gets lost (pytest-dev/pytest-xdist#1386).
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# A running Handrail whose processes are killed, and one with a browser: one start for many tests. They wait more than
# they work, so they come first, and the longest of them before all. A worker keeps its console from one module of the
# browser's to the next, so each worker starts one.
KILLED, LONGEST, BROWSED = "tests/faults/", "tests/e2e/test_pages.py", "tests/e2e/"


def group(nodeid: str) -> str:
    """Of tests that one worker runs one after the other."""
    if nodeid.startswith(KILLED):
        return KILLED
    return nodeid.partition("::")[0] if nodeid.startswith(BROWSED) else nodeid


def shares_a_server(item: pytest.Item) -> bool:
    """Whether the test is about a running Handrail that others look at, too."""
    return item.nodeid.startswith((KILLED, BROWSED))


def turn(item: pytest.Item) -> int:
    """Lower comes first."""
    return next((i for i, start in enumerate((KILLED, LONGEST, BROWSED)) if item.nodeid.startswith(start)), 3)


class Dealing(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Deals out groups in their order."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """Takes back what a worker has left when it goes; returns the test at which it died, which is not tried again.

        pytest-xdist 3.8 deals out again what was done, too: who is given nothing but that waits for ever.
        """
        units = self.assigned_work.pop(node)
        died_at: str | None = next((test for unit in units.values() for test, done in unit.items() if not done), None)
        if died_at is None:
            return None
        units[self._split_scope(died_at)][died_at] = True
        self.workqueue.update({scope: unit for scope, unit in units.items() if not all(unit.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return died_at

    def _reschedule(self, node: WorkerController) -> None:
        """Gives a worker more; one that is still collecting, in a dead one's place, gets its share in `schedule`."""
        if node in self.registered_collections:
            super()._reschedule(node)

    def schedule(self) -> None:
        """Deals out; who takes a dead worker's place gets two groups, too: it begins one when it knows the next."""
        super().schedule()
        for node in self.nodes:
            self._reschedule(node)
