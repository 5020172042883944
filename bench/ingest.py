"""Ingest over HTTP until durable, against raw COPY of ready-made rows: `python -m bench.ingest`.

Starts the whole product with two web workers in a temporary folder. Everything is on by default: keys, masking,
deduplication, prices, rollups, summaries, the text index. The absolute figures mean little on a busy machine; the
ratio to raw COPY into the same PostgreSQL in the same run is what is worth comparing. Raw COPY is measured before and
after each load, and the mean of both counts: machines grow slower and faster within a minute.
"""

import argparse
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import psutil
import psycopg

from bench import load, payloads
from bench.product import Product, product
from bench.table import Figure, show
from metrics.ingest import protobuf

CONNECTIONS = 8
# Of a day: some 170 a minute, of which a batch holds a few minutes.
BASE_SPANS = 240_000
COPIED_PER_TRANSACTION = 10_000
# The index rests under a full load: this long it may take to read what came meanwhile.
INDEX_SECONDS = 1_200.0
# A process goes on masking as before for as long.
MASKING_SECONDS = 6.0
MEGABYTE = 1024 * 1024
# What holds telemetry, without the text index.
TABLES = "metrics_(span|trace|rollup|log|point|session|series|spend|dimension|masked)"


def figures(*, seconds: float = 60.0) -> Iterator[Figure]:
    """All figures of ingest, measured one after the other in one product. `seconds` is the length of each load."""
    with product() as running:
        # More is never needed than the machine could copy raw.
        generations = max(-(-int(seconds * 30_000) // BASE_SPANS), 1)
        now = time.time_ns()
        small = list(payloads.bodies(BASE_SPANS // 100, batch=100, end_ns=now - 10**9, seed=100))
        large = list(payloads.bodies(BASE_SPANS // 500, batch=500, end_ns=now - 10**9, seed=500))
        before = _wall(running, small, seconds)
        prepared = load.requests(running, _renewed(large, range(generations, 2 * generations)), compressed=True)
        gzipped = load.run(running, prepared, seconds=seconds, connections=CONNECTIONS)
        del prepared
        between = _wall(running, small, seconds)
        yield Figure("raw COPY of plain jsonb rows, first", before, "spans/s")
        yield Figure("ingest, batches of 500, gzip", gzipped.rate, "spans/s")
        yield _share_of_copy(gzipped.rate, before, between, 0.45, 0.9)
        prepared = load.requests(running, _renewed(small, range(generations)))
        with _watched(running) as peak:
            plain = load.run(running, prepared, seconds=seconds, connections=CONNECTIONS)
        after = _wall(running, small, seconds)
        yield Figure("raw COPY of plain jsonb rows, then", between, "spans/s")
        yield Figure("ingest, batches of 100, plain", plain.rate, "spans/s")
        yield _share_of_copy(plain.rate, between, after, 0.25, 0.45)
        yield Figure("raw COPY of plain jsonb rows, last", after, "spans/s")
        yield Figure("requests refused at maximum load", float(plain.refused + gzipped.refused))
        yield Figure("request p99 at maximum load", plain.latency_ms(0.99), "ms")
        yield Figure("memory (PSS) of all web workers at maximum load", max(peak) / MEGABYTE, "MB", 700, 350)
        caught_up = _wait_for_index(running)
        yield Figure("until the text index had read both loads, from the end of the second", caught_up, "s")
        yield from _sizes(running, gzipped.plain_bytes + plain.plain_bytes)
        prepared = load.requests(running, _renewed(small, range(2 * generations, 3 * generations)))
        half = load.run(
            running, prepared, seconds=seconds / 2, connections=CONNECTIONS, spans_per_second=plain.rate / 2
        )
        yield Figure("request p50 at half of maximum load", half.latency_ms(0.5), "ms")
        yield Figure("request p99 at half of maximum load", half.latency_ms(0.99), "ms", 100, 30)
        yield Figure("ingest masked / not masked", _masked_share(running, small, seconds / 4), "", 0.75, 0.9, True)


def _wall(running: Product, bodies: list[payloads.Body], seconds: float) -> float:
    """Raw COPY with the machine to itself, for a sixth of the time that a load takes."""
    with running.without_background():
        return raw_copy(running, bodies, max(seconds / 6, 3.0))


def _share_of_copy(rate: float, before: float, after: float, least: float, aim: float) -> Figure:
    return Figure("the same / raw COPY before and after", rate * 2 / (before + after), "", least, aim, True)


def _masked_share(running: Product, bodies: list[payloads.Body], seconds: float) -> float:
    """The rate with masking as a share of that without, in turns."""
    project = "(SELECT id FROM agents_project WHERE slug = %s)"
    turn_off = (
        "INSERT INTO metrics_masking_policy (project_id, enabled, mode, kinds, patterns) "
        f"VALUES ({project}, false, 'redact', '{{}}', '[]')"
    )
    rates: dict[bool, list[float]] = {True: [], False: []}
    for turn, masked in enumerate((True, False, False, True)):
        running.query(f"DELETE FROM metrics_masking_policy WHERE project_id = {project}", running.project)
        if not masked:
            running.query(turn_off, running.project)
        time.sleep(MASKING_SECONDS)
        prepared = load.requests(running, _renewed(bodies, range(200 + turn, 201 + turn)))
        rates[masked].append(load.run(running, prepared, seconds=seconds, connections=CONNECTIONS).rate)
    return sum(rates[True]) / sum(rates[False])


def _renewed(bodies: list[payloads.Body], generations: range) -> Iterator[payloads.Body]:
    for generation in generations:
        for body in bodies:
            yield body.renewed(generation)


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
                for row in itertools.islice(itertools.cycle(rows), COPIED_PER_TRANSACTION):
                    copy.write_row(row)
            connection.commit()
            stored += COPIED_PER_TRANSACTION
        rate = stored / (time.perf_counter() - started)
        connection.execute("DROP TABLE bench_span")
    return rate


@contextmanager
def _watched(running: Product) -> Iterator[list[int]]:
    """The memory of the web workers, sampled every second: bytes of PSS, all of them together."""
    samples, over = [0], threading.Event()
    workers = running.web_workers()

    def watch() -> None:
        while not over.wait(1.0):
            samples.append(sum(one.memory_full_info().pss for one in workers))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def _wait_for_index(running: Product) -> float:
    """Waits until everything is in the text index; returns the seconds that took.

    Half of the maximum load is a load of its own: what a full one left behind would be in its way.
    """
    began = time.monotonic()
    while running.query("SELECT 1 FROM metrics_unindexed LIMIT 1"):
        if time.monotonic() > began + INDEX_SECONDS:
            raise SystemExit(f"the text index has not caught up in {INDEX_SECONDS:.0f} s")
        time.sleep(1)
    return time.monotonic() - began


def _sizes(running: Product, plain_bytes: int) -> Iterator[Figure]:
    """Bytes on disk per byte of plain OTLP, once everything is indexed."""
    telemetry = _bytes(running, f"^{TABLES}")
    yield Figure("bytes on disk / plain OTLP bytes, without the text index", telemetry / plain_bytes, "", 0.8, 0.5)
    yield Figure("the text index / plain OTLP bytes", _bytes(running, "^metrics_search") / plain_bytes, "", 0.6, 0.4)


def _bytes(running: Product, pattern: str) -> int:
    sizes = "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
    statement = f"{sizes} WHERE relkind = 'r' AND relname ~ %s"
    return int(str(running.query(statement, pattern)[0][0]))


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load")
    options = parser.parse_args()
    print(f"{psutil.cpu_count()} cores, load average {psutil.getloadavg()[0]:.1f}")
    show(figures(seconds=options.seconds))


if __name__ == "__main__":
    main()
