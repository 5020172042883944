"""Whether ingest gets slower with what is stored already: `python -m bench.growth`.

Each size is a product of its own, filled with the traces and rollups of as many spans over a month and ten days. The
spans themselves are there for the two days that the load writes into: other days are other partitions, which it never
touches.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg

from bench import load, payloads, rollup_history, trace_history
from bench.ingest import CONNECTIONS
from bench.product import Product, product
from bench.table import Figure, show

SIZES = (100_000, 1_000_000, 10_000_000)
BATCH = 100
BASE_SPANS = 20_000
NS_PER_DAY = 86_400 * 10**9


def figures(*, seconds: float = 20.0) -> Iterator[Figure]:
    """Spans a second at every size, and the largest against the smallest."""
    rates = []
    for size in SIZES:
        with product() as running:
            bodies = list(payloads.bodies(BASE_SPANS // BATCH, batch=BATCH, end_ns=time.time_ns() - 10**9, seed=9))
            # The first spans of the two days make their partitions.
            first = load.requests(running, (body.renewed(255) for body in bodies))
            load.run(running, first, seconds=60, connections=CONNECTIONS)
            _fill(running, size)
            generations = max(int(seconds * 30_000 / BASE_SPANS), 1)
            prepared = load.requests(running, (body.renewed(n) for n in range(generations) for body in bodies))
            rates.append(load.run(running, prepared, seconds=seconds, connections=CONNECTIONS).rate)
        yield Figure(f"ingest on top of {size:,} spans, batches of {BATCH}", rates[-1], "spans/s")
    name = f"ingest on top of {SIZES[-1]:,} / on top of {SIZES[0]:,} spans"
    yield Figure(name, rates[-1] / rates[0], "", 0.8, 0.95, more_is_better=True)


def _fill(running: Product, size: int) -> None:
    # The load writes to the same project.
    project_id = int(str(running.query("SELECT id FROM agents_project WHERE slug = %s", running.project)[0][0]))
    now = datetime.now(UTC)
    end_ns = time.time_ns()
    days = [(end_ns - ago * NS_PER_DAY) // NS_PER_DAY for ago in range(2)]
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        rollup_history.rollups(connection, project_id, spans=size, end=now)
        trace_history.traces(connection, project_id, count=size // trace_history.SPANS_PER_TRACE, end_ns=end_ns)
        for day in days:
            parameters = {
                "project": project_id,
                "count": size // trace_history.DAYS,
                "start": day * NS_PER_DAY,
                "room": min(end_ns - day * NS_PER_DAY, NS_PER_DAY) - 1,
            }
            connection.execute(_SPANS, parameters)
        connection.execute("VACUUM (ANALYZE) metrics_span")


# Ids as random as any, so that the index is as large and as scattered as that of real spans; 300 bytes of detail.
_SPANS = """
INSERT INTO metrics_span (
    project_id, trace_id, span_id, start_ns, duration_ns, received_at, entry, name, kind, status, usage_counted, detail
)
SELECT
    %(project)s, decode(md5(n || 'trace'), 'hex'), decode(substr(md5(n || 'span'), 1, 16), 'hex'),
    %(start)s + (%(room)s::numeric * n / %(count)s)::bigint, 1000000, now(), false, 'chat gpt-4o', 'llm', 'ok', true,
    '\\x01'::bytea || decode(repeat(md5(n::text), 18), 'hex')
FROM generate_series(1, %(count)s) AS n
"""


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    show(figures(seconds=parser.parse_args().seconds))


if __name__ == "__main__":
    main()
