"""Which xdist worker runs what: tests that share an expensive start stay together, the rest is dealt out one by one.

The groups are folders and not `xdist_group` marks: pytest 9.2 makes a test's id from its place in the tree, so the
suffix by which pytest-xdist 3.8 knows a mark gets lost (pytest-dev/pytest-xdist#1386).
"""

from xdist.scheduler import LoadScopeScheduling

# A running Handrail with a browser, and one whose processes are killed: one start for all of their tests. They wait
# more than they work, so they come first.
TOGETHER = ("tests/e2e/", "tests/faults/")


class Dealing(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Deals out the largest group first (as its parent does), then one test after the other in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)
