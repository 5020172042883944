"""The embedded PostgreSQL runs wherever it is put, and touches nothing that it did not make."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from console.lib import embedded
from console.lib.supervisor import Child


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a data folder with spaces"
    folder.mkdir()
    yield folder
    note = folder / "postgres-folder"
    if note.exists():
        shutil.rmtree(note.read_text().strip())


def run(data: Path) -> tuple[Child, str]:
    child, url = embedded.postgres(data)
    child.spawn()
    child.wait_ready()
    embedded.create_database(url)
    return child, url


def modes(path: Path) -> dict[Path, int]:
    return {place: place.stat().st_mode for place in [path, *path.parents]}


def test_rows_survive_kill_minus_nine(data: Path) -> None:
    child, url = run(data)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    assert child.process is not None
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait()
    again, url = run(data)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    again.stop()


def test_folders_that_existed_keep_their_modes(data: Path) -> None:
    data.chmod(0o700)
    before = modes(data)
    child, _url = run(data)
    child.stop()
    assert modes(data) == before


def test_a_very_long_path_still_works(data: Path) -> None:
    deep = data / ("x" * 120)
    deep.mkdir()
    child, url = run(deep)
    assert len(url) < 120
    child.stop()
    note = deep / "postgres-folder"
    if note.exists():
        shutil.rmtree(note.read_text().strip())


def test_valkey_refuses_strangers(data: Path) -> None:
    import redis

    child, url = embedded.valkey(data)
    child.spawn()
    child.wait_ready()
    stranger = redis.Redis(port=int(url.rpartition(":")[2].partition("/")[0]))
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    stranger.close()
    child.stop()
