"""`manage.py up`: the whole of Handrail under one supervisor, in the foreground."""

import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.lib import embedded, env, first_run
from console.lib.supervisor import Child, ChildFailed, Supervisor

PORT_WAIT_SECONDS = 10.0
DEFAULT_HOST = "127.0.0.1"
# Of what is done while somebody waits: longer than any page may take, short enough to save a database from one.
STATEMENT_TIMEOUT = "-c statement_timeout=30s"


class Command(BaseCommand):
    """Starts PostgreSQL and Valkey unless their URLs are set, prepares the database, then web, otlp, worker, beat."""

    help = "Start everything: embedded servers if needed, migrations, web, otlp, worker and beat. Ctrl-C stops it."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="also run a small fleet of sample agents")

    def handle(self, *_args: Any, **options: Any) -> None:
        data: Path = settings.DATA_DIR
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        prepare_folder(data)
        with lock(data):
            host = env.text("HOST", DEFAULT_HOST)
            wait_for_port(host, settings.PORT, "PORT")
            if env.text("OTLP_GRPC_PORT"):
                wait_for_port(host, settings.OTLP_GRPC_PORT, "OTLP_GRPC_PORT")
            supervisor = Supervisor()
            try:
                self._run(supervisor, data, demo=options["demo"])
            except (ChildFailed, embedded.EmbeddedError) as error:
                raise CommandError(str(error)) from error
            except KeyboardInterrupt:
                self.stderr.write("Interrupted before everything had started.")
            finally:
                supervisor.stop()
                (data / "servers.json").unlink(missing_ok=True)

    def _run(self, supervisor: Supervisor, data: Path, *, demo: bool) -> None:
        environment = start_servers(supervisor, data)
        run_bootstrap(environment)
        otlp = otlp_child(environment)
        for child in (*application_children(environment), otlp):
            supervisor.start(child)
        for child in supervisor.children:
            child.wait_ready()
        grpc = keep_grpc_port(otlp)
        credentials = first_run.read()
        if demo and credentials:
            supervisor.start(demo_child(environment, credentials))
        self.stdout.write(banner(credentials, grpc))
        self.stdout.flush()
        supervisor.handle_signals()
        supervisor.watch()
        self.stdout.write("Stopping…")


def prepare_folder(data: Path) -> None:
    """Makes the data folder, passable but not readable for others, and the key that signs sessions."""
    if not data.exists():
        data.mkdir(parents=True)
        data.chmod(0o711)
    key = data / "secret-key"
    if not key.exists():
        # Complete or absent: an empty key would outlive the crash that left it.
        fresh = data / "secret-key.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        fresh.rename(key)


def lock(data: Path) -> IO[str]:
    """Holds the data folder for one `up`; raises CommandError when another one has it."""
    file = (data / "up.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise CommandError(f"Handrail is already running from {data}. Set HANDRAIL_DATA for a second one.") from None
    return file


def wait_for_port(host: str, port: int, variable: str) -> None:
    """Waits for a predecessor that is still going away; raises CommandError when the port stays taken."""
    deadline = time.monotonic() + PORT_WAIT_SECONDS
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            socket.create_server((host, port), family=family).close()
        except OSError:
            if time.monotonic() > deadline:
                raise CommandError(f"Port {port} is taken. Set {variable} to another one.") from None
        else:
            return
        time.sleep(0.2)


def start_servers(supervisor: Supervisor, data: Path) -> dict[str, str]:
    """Starts the servers whose URLs are unset; returns the environment of every other process.

    Their addresses are kept in servers.json while they run, so that manage.py commands find them.
    """
    addresses = {name: os.environ[name] for name in ("DATABASE_URL", "VALKEY_URL") if os.environ.get(name)}
    started: list[Child] = []
    if "DATABASE_URL" not in addresses:
        child, addresses["DATABASE_URL"] = embedded.postgres(data)
        started.append(child)
    if "VALKEY_URL" not in addresses:
        child, addresses["VALKEY_URL"] = embedded.valkey(data)
        started.append(child)
    for child in started:
        supervisor.start(child)
    for child in started:
        child.wait_ready()
        if child.name == "postgres":
            embedded.create_database(addresses["DATABASE_URL"])
    descriptor = os.open(data / "servers.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(addresses, file)
    # The port is in `web` alone by argument, but cookies and links need it everywhere.
    return {**os.environ, **addresses, "HANDRAIL_DATA": str(data), "PORT": str(settings.PORT)}


def run_bootstrap(environment: dict[str, str]) -> None:
    """Migrations, static files and the first project, in a process that sees the right database."""
    # The checks of Django are for who changes the code, and would take half of its time.
    command = [sys.executable, "manage.py", "bootstrap", "--skip-checks"]
    done = subprocess.run(command, env=environment, cwd=settings.BASE_DIR, check=False)
    if done.returncode:
        raise ChildFailed(f"the database could not be prepared (exit status {done.returncode})")


def application_children(environment: dict[str, str]) -> list[Child]:
    """Web, worker and beat."""
    port = str(settings.PORT)
    workers = str(env.integer("WEB_WORKERS", 2, minimum=1))
    host = env.text("HOST", DEFAULT_HOST)
    proxies = env.text("TRUSTED_PROXIES")
    proxy_options = ["--proxy-headers", "--forwarded-allow-ips", proxies] if proxies else ["--no-proxy-headers"]
    web = ["uvicorn", "console.asgi:application", "--host", host, "--port", port, "--workers", workers]
    web += ["--lifespan", "on", "--no-access-log", "--ws", "websockets-sansio", "--no-server-header", *proxy_options]
    web += ["--http", "console.lib.answering:Protocol", "--loop", "console.lib.answering:Loop"]
    web += [
        # Messages to browsers have a hundred bytes: to compress them takes as long as to send them.
        "--ws-per-message-deflate",
        "false",
        "--log-config",
        str(settings.BASE_DIR / "console" / "uvicorn-logging.json"),
        "--timeout-graceful-shutdown",
        "5",
    ]
    celery = ["celery", "--quiet", "-A", "console"]
    # Workers have nothing to say to each other.
    alone = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    worker = [*celery, "worker", "--pool", "threads", "--concurrency", "4", *alone]
    beat = [*celery, "beat", "--pidfile", "", "--scheduler", "console.celery:Scheduler"]

    def child(name: str, argv: list[str], environment: dict[str, str], **facts: Any) -> Child:
        command = [sys.executable, "-m", *argv]
        return Child(name=name, argv=command, env=environment, cwd=settings.BASE_DIR, **facts)

    serving = child("web", web, {"PGOPTIONS": STATEMENT_TIMEOUT, **environment}, ready_seconds=60.0)
    near = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104  # compared
    serving.ready = lambda: settings.PORT in listening(serving) and answers(f"http://{near}:{port}/readyz")
    return [serving, child("worker", worker, environment, stop_seconds=20.0), child("beat", beat, environment)]


def otlp_child(environment: dict[str, str]) -> Child:
    """OTLP over gRPC."""
    # gRPC's own complaint that a port is taken would frighten: another one is taken then, and printed.
    quiet = {"GRPC_VERBOSITY": "NONE", **environment}
    child = Child("otlp", [sys.executable, "manage.py", "otlp"], quiet, cwd=settings.BASE_DIR, stop_seconds=12.0)
    child.ready = lambda: bool(listening(child))
    return child


def keep_grpc_port(otlp: Child) -> str:
    """Writes down where the child that is ready serves, and lets it come back there; returns the address."""
    port = next(iter(listening(otlp)), settings.OTLP_GRPC_PORT)
    otlp.env = {**otlp.env, "OTLP_GRPC_PORT": str(port)}
    url = f"http://{urlsplit(settings.PUBLIC_URL).hostname}:{port}"
    first_run.refresh({"otlp_grpc_url": url, "otlp_grpc_port": port})
    return url


def listening(child: Child) -> set[int]:
    """The TCP ports that the child itself or its own children hold: somebody else on them could answer us, too."""
    if child.process is None:
        return set()
    try:
        process = psutil.Process(child.process.pid)
        found = [one for each in (process, *process.children()) for one in each.net_connections("tcp")]
    except psutil.Error:
        return set()
    return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # our own loopback address
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def demo_child(environment: dict[str, str], credentials: dict[str, str]) -> Child:
    """The sample agents, who know of Handrail only what every agent knows: an address and a key."""
    fleet = settings.BASE_DIR / "sdk" / "examples" / "fleet"
    known = {"HANDRAIL_URL": settings.PUBLIC_URL, "HANDRAIL_API_KEY": credentials["api_key"]}
    argv = [sys.executable, str(fleet), "--backfill", "6"]
    return Child(name="demo", argv=argv, env={**environment, **known}, cwd=settings.BASE_DIR)


def banner(credentials: dict[str, str], grpc: str) -> str:
    """What a new user needs next."""
    lines = [f"\nHandrail is ready at {settings.PUBLIC_URL}", f"OTLP over gRPC at    {grpc}\n"]
    if credentials:
        lines += [
            f"  Sign in as    {credentials['email']}",
            f"  Password      {credentials['password']}   (of the first run)",
            f"  API key       {credentials['api_key']}",
            "",
            "  An agent with OpenTelemetry needs:",
            f"    export OTEL_EXPORTER_OTLP_ENDPOINT={settings.PUBLIC_URL}",
            f'    export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{credentials["api_key"]}"',
        ]
    lines += ["", "  Ctrl-C stops everything.", ""]
    return "\n".join(lines)
