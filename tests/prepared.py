"""What a first start makes, made once: a migrated database without rows, and collected static files.

Whoever needs it gets a copy: every process that runs tests, and every console whose first start is not what is tested.
It is kept beside the installed packages for as long as no migration changes, for it takes ten seconds of a processor.
"""

import fcntl
import gc
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from console.lib import embedded

BASE = Path(__file__).resolve().parent.parent
KEPT = BASE / ".venv" / "prepared"
VARIABLE = "HANDRAIL_TESTS_PREPARED"
READY = "ready"
OUR_MODULE = re.compile(r"^(?:from|import) ((?:agents|console|metrics|reviews)[.\w]*)", re.MULTILINE)
FORGOTTEN_AFTER_SECONDS = 86_400.0


def make() -> None:
    """Makes the data folder unless it is there, for this process and all that it starts."""
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / _fingerprint()
    os.environ[VARIABLE] = str(folder)
    with (KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / READY).exists():
            remove(folder)
            _fill(folder)
            (folder / READY).touch()
        for other in KEPT.iterdir():
            if other.is_dir() and other != folder and time.time() - other.stat().st_mtime > FORGOTTEN_AFTER_SECONDS:
                remove(other)


def _fingerprint() -> str:
    """Of what a migrated database depends on: migrations, what of ours they import, and the versions of the rest."""
    made = hashlib.sha256()
    for path in sorted({BASE / "constraints.txt", *_sources()}):
        made.update(path.relative_to(BASE).as_posix().encode() + b"\0" + path.read_bytes())
    return made.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    for migration in BASE.glob("*/migrations/*.py"):
        yield migration
        for module in OUR_MODULE.findall(migration.read_text(encoding="utf-8")):
            place = BASE / module.replace(".", "/")
            yield place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _fill(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o711)
    child, url = embedded.postgres(folder, fast_and_loose=True)
    child.spawn()
    try:
        child.wait_ready()
        embedded.create_database(url)
        environment = {**os.environ, "DATABASE_URL": url, "HANDRAIL_DATA": str(folder)}
        subprocess.run([sys.executable, "-m", "tests.prepared"], env=environment, cwd=BASE, check=True)
    finally:
        child.stop()


def copy_cluster(data: Path) -> None:
    """The migrated database for the servers of another data folder."""
    _copy(embedded.cluster_of(_folder()), embedded.cluster_of(data))


def furnish(data: Path) -> None:
    """Makes a data folder in which `up` finds its first start half done: there are no people, projects or keys yet."""
    data.mkdir(parents=True)
    data.chmod(0o711)
    copy_cluster(data)
    _copy(_folder() / "static", data / "static")


def _folder() -> Path:
    return Path(os.environ[VARIABLE])


def _copy(source: Path, target: Path) -> None:
    # With its owner, who is not always ourselves.
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def remove(data: Path) -> None:
    """Takes a data folder away, wherever its cluster is."""
    if not data.exists():
        return
    shutil.rmtree(embedded.cluster_of(data).parent, ignore_errors=True)
    shutil.rmtree(data, ignore_errors=True)


def _main() -> None:
    """Fills the database and the folder that the environment names."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "console.settings"
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from agents.management.commands.bootstrap import collect_static

    # Migrations throw thousands of classes away: to look for them all the time takes a third of it.
    gc.disable()
    call_command("migrate", interactive=False, verbosity=0)
    collect_static(settings.STATIC_COLLECTED)


if __name__ == "__main__":
    _main()
