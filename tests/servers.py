"""The embedded servers that a whole test run shares: started once, in a temporary folder, gone afterwards."""

import os
import shutil
import tempfile
from pathlib import Path

from console.lib import embedded
from console.lib.supervisor import Child


class TestServers:
    """PostgreSQL and Valkey of one test run; their addresses are in the environment while they run."""

    __test__ = False

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="handrail-tests-"))
        self._folder.chmod(0o711)
        self._children: list[Child] = []

    def start(self) -> None:
        """Starts both and exports DATABASE_URL, VALKEY_URL and HANDRAIL_DATA."""
        postgres, database_url = embedded.postgres(self._folder, fast_and_loose=True)
        valkey, valkey_url = embedded.valkey(self._folder)
        for child in (postgres, valkey):
            child.spawn()
            self._children.append(child)
        for child in self._children:
            child.wait_ready()
        embedded.create_database(database_url)
        os.environ.update(DATABASE_URL=database_url, VALKEY_URL=valkey_url, HANDRAIL_DATA=str(self._folder))

    def stop(self) -> None:
        """Stops both and removes their folder."""
        for child in reversed(self._children):
            child.stop()
        note = self._folder / "postgres-folder"
        if note.exists():
            shutil.rmtree(note.read_text(encoding="utf-8").strip(), ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)
