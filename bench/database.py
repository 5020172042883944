"""What reading is measured on: PostgreSQL and Valkey in a temporary folder, and Django on top of them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command

from console.lib import embedded


@contextmanager
def database() -> Iterator[str]:
    """An empty, migrated database; yields its URL. Django is set up in this process and stays so."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        postgres, url = embedded.postgres(Path(folder), fast_and_loose=True)
        valkey, valkey_url = embedded.valkey(Path(folder))
        children = (postgres, valkey)
        try:
            for child in children:
                child.spawn()
            for child in children:
                child.wait_ready()
            embedded.create_database(url)
            os.environ.update(
                DATABASE_URL=url,
                VALKEY_URL=valkey_url,
                HANDRAIL_DATA=folder,
                DJANGO_SETTINGS_MODULE="console.settings",
                LOG_LEVEL="WARNING",
            )
            django.setup()
            call_command("migrate", verbosity=0)
            yield url
        finally:
            for child in reversed(children):
                child.stop()
