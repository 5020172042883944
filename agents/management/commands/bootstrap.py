"""`manage.py bootstrap`: makes an installation ready to serve. Safe to run at every start, by several at once."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from agents.services.first_run import Credentials, create
from console.lib import clock, first_run

LOCK = 4_242_001
POLL_SECONDS = 0.2


class Command(BaseCommand):
    """Migrates, collects static files, and creates the first admin, project and key when there is nobody."""

    help = "Migrate, collect static files, and on an empty database create the first admin, project and API key."

    def handle(self, *args: Any, **options: Any) -> None:
        with _one_at_a_time():
            call_command("migrate", interactive=False, verbosity=0)
            collect_static(settings.STATIC_COLLECTED)
            if create(keep=_keep, now=clock.now()):
                self.stdout.write(f"Created the first admin; see {first_run.path()}")
            else:
                first_run.refresh({"url": settings.PUBLIC_URL})


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Holds an advisory lock on a connection of its own, for migrate opens and ends transactions on the usual one.

    Whoever waits asks again and again: an index that is made concurrently waits for every statement that was running,
    also for one that waits for this lock.
    """
    guard = connection.copy()
    try:
        guard.set_autocommit(False)
        while not _locked(guard):
            time.sleep(POLL_SECONDS)
        yield
        guard.rollback()
    finally:
        guard.close()


def _locked(guard: BaseDatabaseWrapper) -> bool:
    with guard.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def collect_static(root: Path) -> None:
    """Collects static files into `root` unless it exists: completely or not at all. Older versions are removed."""
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        unfinished.chmod(0o755)
        command = collectstatic.Command()
        options = {"location": str(unfinished), "base_url": settings.STATIC_URL}
        command.storage = storages.create_storage({**settings.STORAGES["staticfiles"], "OPTIONS": options})
        call_command(command, interactive=False, verbosity=0)
        unfinished.rename(root)
    for other in root.parent.iterdir():
        if other != root:
            shutil.rmtree(other, ignore_errors=True)


def _keep(credentials: Credentials) -> None:
    first_run.write({"url": settings.PUBLIC_URL, **asdict(credentials)})
