"""The whole product, started for a measurement: `manage.py up` in a temporary folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
WEB_WORKERS = 2


@dataclass(frozen=True)
class Product:
    """A running Handrail."""

    url: str
    port: int
    key: str
    project: str
    email: str
    password: str
    database_url: str
    pid: int
    environment: dict[str, str]
    """Of the product's own processes: what Django needs to work on the same database."""

    def web_workers(self) -> list[psutil.Process]:
        """The processes that serve HTTP."""
        web = [one for one in psutil.Process(self.pid).children(recursive=True) if "uvicorn" in " ".join(one.cmdline())]
        ids = {one.pid for one in web}
        # The server's own children are the workers; a helper of theirs has nobody below it and little memory.
        below = [child for one in web if one.ppid() not in ids for child in one.children(recursive=True)]
        return [one for one in below or web if one.is_running()]

    @contextmanager
    def without_background(self) -> Iterator[None]:
        """Meanwhile what the product does by the clock stands still: it is in nobody's way."""
        below = psutil.Process(self.pid).children(recursive=True)
        halted = [one for one in below if "celery" in " ".join(one.cmdline())]
        for one in halted:
            one.suspend()
        try:
            yield
        finally:
            for one in halted:
                one.resume()

    def query(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Rows straight from the database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def product() -> Iterator[Product]:
    """A Handrail with two web workers, whose keys have no rate limit to speak of."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # else the cluster lies elsewhere when root starts it, and stays there
        data, port = Path(folder) / "data", free_port()
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")} | {
            "HANDRAIL_DATA": str(data),
            "PORT": str(port),
            "OTLP_GRPC_PORT": str(free_port()),
            "WEB_WORKERS": str(WEB_WORKERS),
            "RATE_LIMIT_PER_KEY": "1000000",
            "LOG_LEVEL": "WARNING",
        }
        with (Path(folder) / "up.log").open("wb") as log:
            command = [sys.executable, "manage.py", "up"]
            running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            _wait(lambda: _ready(port), running)
            first_run = json.loads((data / "first-run.json").read_text())
            servers = json.loads((data / "servers.json").read_text())
            yield Product(
                url=f"http://127.0.0.1:{port}",
                port=port,
                key=first_run["api_key"],
                project=first_run["project"],
                email=first_run["email"],
                password=first_run["password"],
                database_url=servers["DATABASE_URL"],
                pid=running.pid,
                environment=environment | servers,
            )
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _wait(ready: Callable[[], bool], running: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if running.poll() is not None:
            raise SystemExit(f"manage.py up ended with {running.returncode}")
        if time.monotonic() > deadline:
            raise SystemExit("manage.py up was not ready in time")
        time.sleep(0.2)
