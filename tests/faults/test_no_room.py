"""A database that cannot write: exporters are told to come back, what was acknowledged stays, all goes on by itself."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.e2e.running import Console
from tests.faults import killing
from tests.faults.conftest import start_console
from tests.faults.examining import Stored
from tests.faults.exporting import HARMLESS, Load, batches, send_all
from tests.waiting import eventually

DISK_MEGABYTES = 256


class Disk:
    """A small file system of its own, to be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leaves no byte free."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Gives the space back."""
        self._ballast.unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    folder = Path(tempfile.mkdtemp(prefix="handrail disk "))
    folder.chmod(0o711)
    options = f"size={DISK_MEGABYTES}m,mode=711"
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]).returncode:
        folder.rmdir()
        pytest.skip("a file system can be mounted by root only")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture
def cramped(disk: Disk) -> Iterator[Console]:
    """A console with its database on the small file system."""
    running = start_console(disk.folder / "data")
    yield running
    running.stop()


def test_a_full_disk_refuses_and_loses_nothing_until_there_is_room_again(disk: Disk, cramped: Console) -> None:
    stored = Stored(cramped)
    # So many that some are left however long it takes to fill the disk.
    load = Load(cramped, batches(300, seed=4)).start()
    load.wait_for(0.05)
    disk.fill()
    eventually(lambda: load.answers[503] > 8, timeout=60)
    assert load.sending
    # Up to here only rows had no room. Without room for its log, PostgreSQL gives up altogether.
    with pytest.raises(psycopg.Error):
        eventually(lambda: stored.query("SELECT pg_switch_wal(), txid_current()") == [])
    assert killing.readiness(cramped) == {}
    disk.free()
    killing.recovers(cramped, seconds=60)
    load.finish()
    assert (load.given_up, set(load.answers) - HARMLESS) == ([], set())
    stored.check_spans(load.acknowledged)
    stored.check_figures()


@contextmanager
def read_only(stored: Stored) -> Iterator[None]:
    """Makes the database refuse to write meanwhile, as a standby does."""

    def set_to(value: str) -> None:
        stored.query(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        stored.query("SELECT pg_reload_conf()")
        eventually(lambda: stored.query("SHOW default_transaction_read_only") == [(value,)])

    set_to("on")
    try:
        yield
    finally:
        set_to("off")


@pytest.fixture
def visitor(console: Console) -> Iterator[httpx.Client]:
    """Somebody who is signed in."""
    with httpx.Client(base_url=console.url, follow_redirects=True, headers={"Referer": console.url}) as client:
        client.get("/accounts/login/")
        form = {
            "login": console.email,
            "password": console.password,
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        answer = client.post("/accounts/login/", data=form)
        assert "/p/" in str(answer.url)
        yield client


def test_a_read_only_database_refuses_but_is_still_read(
    console: Console, stored: Stored, visitor: httpx.Client
) -> None:
    before, after = batches(3, seed=5), batches(6, seed=6)
    send_all(console, before)
    with read_only(stored):
        load = Load(console, after, connections=2, patience=0.0).start()
        load.finish()
        assert (load.acknowledged, set(load.answers)) == ([], {503})
        with console.agent() as agent:
            assert agent.get("/api/v1/traces").json()["results"]
        for page in ("", "traces/", "logs/"):
            assert visitor.get(f"/p/{console.project}/{page}").status_code == 200
    send_all(console, after)
    stored.check_spans([*before, *after])
