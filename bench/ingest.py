"""Spans per second through HTTP until durable, against raw COPY of ready-made rows: `python -m bench.ingest`.

Starts the whole product with two web workers in a temporary folder. The absolute figures mean little on a busy
machine; the ratio to raw COPY into the same PostgreSQL in the same run is what is worth comparing.
"""

import argparse
import gzip
import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psycopg

from bench import payloads
from metrics.ingest import protobuf

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
PREPARED_BATCHES = 200


@dataclass(frozen=True)
class Product:
    """A running Handrail."""

    port: int
    key: str
    database_url: str


@dataclass
class Load:
    """What came of a load."""

    spans: int = 0
    refused: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Spans a second."""
        return self.spans / self.seconds

    def latency_ms(self, share: float) -> float:
        """The latency below which a share of requests stayed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1_000


@contextmanager
def product() -> Iterator[Product]:
    """`manage.py up` in a temporary folder, with two web workers."""
    with tempfile.TemporaryDirectory(prefix="handrail-bench-", ignore_cleanup_errors=True) as folder:
        data, port = Path(folder) / "data", _free_port()
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_URL")} | {
            "HANDRAIL_DATA": str(data),
            "PORT": str(port),
            "WEB_WORKERS": "2",
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
            yield Product(port, first_run["api_key"], servers["DATABASE_URL"])
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)


def raw_copy(running: Product, prepared: list[payloads.Body], seconds: float) -> float:
    """Spans a second of COPY alone: ready-made rows, attributes as jsonb, ten thousand rows a transaction."""
    rows = [
        (span.trace_id, span.span_id, span.start_ns, span.end_ns, span.name, orjson.dumps(span.attributes).decode())
        for body in prepared
        for span in protobuf.spans(body.content).rows
    ]
    with psycopg.connect(running.database_url) as connection:
        connection.execute(
            "CREATE TABLE bench_span (trace_id bytea, span_id bytea, start_ns bigint, end_ns bigint, name text, "
            "attributes jsonb)"
        )
        connection.commit()
        stored, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds:
            with connection.cursor() as cursor, cursor.copy("COPY bench_span FROM STDIN") as copy:
                for row in itertools.islice(itertools.cycle(rows), 10_000):
                    copy.write_row(row)
            connection.commit()
            stored += 10_000
        rate = stored / (time.perf_counter() - started)
        connection.execute("DROP TABLE bench_span")
    return rate


def http_load(
    running: Product, prepared: list[payloads.Body], *, seconds: float, connections: int, compress: bool, first: int
) -> Load:
    """Posts the bodies over several connections, each body once per generation of ids, for some seconds."""
    load, guard = Load(), threading.Lock()
    work = ((body, generation) for generation in range(first, 256) for body in prepared)
    deadline = time.perf_counter() + seconds

    def one_connection() -> None:
        wire = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        headers = {"content-type": "application/x-protobuf", "authorization": f"Bearer {running.key}"}
        if compress:
            headers["content-encoding"] = "gzip"
        while time.perf_counter() < deadline:
            with guard:
                body, generation = next(work)
            content = body.renewed(generation)
            content = gzip.compress(content, 1) if compress else content
            sent = time.perf_counter()
            wire.request("POST", "/v1/traces", content, headers)
            reply = wire.getresponse()
            reply.read()
            with guard:
                load.latencies.append(time.perf_counter() - sent)
                load.spans += body.spans if reply.status == 200 else 0
                load.refused += reply.status != 200

    started = time.perf_counter()
    threads = [threading.Thread(target=one_connection) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - started
    return load


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load")
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    cases = [(100, False, 0), (500, True, 64)]
    with product() as running:
        prepared = {
            batch: payloads.bodies(PREPARED_BATCHES, batch=batch, end_ns=time.time_ns() - 10**9, seed=batch)
            for batch, _, _ in cases
        }
        wall = raw_copy(running, prepared[100], max(options.seconds / 3, 2.0))
        print(f"raw COPY of jsonb rows: {wall:,.0f} spans/s")
        print(f"{'load':<28}{'spans/s':>10}{'of COPY':>9}{'p50 ms':>9}{'p99 ms':>9}{'refused':>9}")
        for batch, compress, first in cases:
            load = http_load(
                running,
                prepared[batch],
                seconds=options.seconds,
                connections=options.connections,
                compress=compress,
                first=first,
            )
            name = f"batches of {batch}{', gzip' if compress else ''}"
            p50, p99 = load.latency_ms(0.5), load.latency_ms(0.99)
            print(f"{name:<28}{load.rate:>10,.0f}{load.rate / wall:>9.2f}{p50:>9.0f}{p99:>9.0f}{load.refused:>9}")


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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
