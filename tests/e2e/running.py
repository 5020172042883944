"""Starts `manage.py up` as a user would, and waits until it says that it is ready."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from django.conf import settings

from console.lib.embedded import free_port
from tests import prepared
from tests.waiting import eventually

START_SECONDS = 180.0
STOP_SECONDS = 60.0
READY = "Handrail is ready at"
# What the test run itself uses must not reach the console under test.
HIDDEN = {"DATABASE_URL", "VALKEY_URL", "SECRET_KEY", "OTLP_GRPC_PORT"}


@dataclass(frozen=True)
class Console:
    """A running Handrail and the credentials of its first run."""

    url: str
    email: str
    password: str
    project: str
    api_key: str
    otlp_grpc_url: str
    folder: Path
    process: "subprocess.Popen[bytes]"

    def agent(self) -> httpx.Client:
        """An agent's HTTP client."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=70)

    def page_url(self, path: str = "") -> str:
        """The address of a page of the first project."""
        return f"{self.url}/p/{self.project}/{path}"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C, or SIGKILL for the whole process group."""
        if how == signal.SIGKILL:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.send_signal(how)
        self.process.wait(STOP_SECONDS)


def start(folder: Path, *, from_nothing: bool = False, **variables: str) -> Console:
    """`manage.py up` with its data in `folder`; returns once it serves.

    A folder that is not there yet is given what takes long at a first start, unless that is what is tested.
    """
    if not folder.exists() and not from_nothing:
        prepared.furnish(folder)
    environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    environment |= {"PORT": str(free_port()), "HANDRAIL_DATA": str(folder), "WEB_WORKERS": "1", **variables}
    log_path = folder.with_name(f"{folder.name}.log")
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        eventually(lambda: READY in log_path.read_text() or process.poll() is not None, timeout=START_SECONDS)
        assert process.poll() is None, log_path.read_text()[-3000:]
    except AssertionError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    kept = json.loads((folder / "first-run.json").read_text())
    names = ("url", "email", "password", "project", "api_key", "otlp_grpc_url")
    return Console(**{name: kept[name] for name in names}, folder=folder, process=process)
