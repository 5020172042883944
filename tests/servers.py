"""The embedded servers of one process that runs tests: in a temporary folder, gone afterwards.

Each xdist worker has servers of its own: a reader of feedback waits for every transaction that is open on the same
PostgreSQL, also for those of another worker's tests.
"""

import os
import tempfile
from pathlib import Path

from console.lib import embedded
from console.lib.supervisor import Child
from tests import prepared


class TestServers:
    """PostgreSQL and Valkey; their addresses are in the environment while they run."""

    __test__ = False

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="handrail-tests-"))
        self._folder.chmod(0o711)
        self._children: list[Child] = []

    def start(self) -> None:
        """Starts both and exports DATABASE_URL, VALKEY_URL and HANDRAIL_DATA."""
        prepared.copy_cluster(self._folder)
        postgres, database_url = embedded.postgres(self._folder, fast_and_loose=True)
        valkey, valkey_url = embedded.valkey(self._folder)
        for child in (postgres, valkey):
            child.spawn()
            self._children.append(child)
        for child in self._children:
            child.wait_ready()
        os.environ.update(DATABASE_URL=database_url, VALKEY_URL=valkey_url, HANDRAIL_DATA=str(self._folder))

    def stop(self) -> None:
        """Stops both and removes their folder."""
        for child in reversed(self._children):
            child.stop()
        prepared.remove(self._folder)
