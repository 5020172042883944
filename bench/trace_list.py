"""Server time of the trace list over histories of 0.1, 1 and 10 million spans: `python -m bench.trace_list`.

What is asked stands in `bench.trace_matrix`. Each history is a project of its own in one database.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import psycopg

from bench import trace_history
from bench.database import database
from bench.table import Figure, show

if TYPE_CHECKING:
    from bench.trace_matrix import Asked

SIZES = (100_000, 1_000_000, 10_000_000)
FIRST_PROJECT = 900_000_001


def figures(*, sizes: Sequence[int] = SIZES, slowest: int = 0) -> Iterator[Figure]:
    """The percentiles of filters and of searches at each size; prints the `slowest` questions on the way."""
    with database() as url:
        from bench import trace_matrix
        from metrics.services import partitions

        days = range(-1, trace_history.WORD_DAYS + 1)
        partitions.ensure("metrics_search", [trace_history.END_NS - day * trace_history.NS_PER_DAY for day in days])
        for place, size in enumerate(sizes):
            project_id, count = FIRST_PROJECT + place, size // trace_history.SPANS_PER_TRACE
            with psycopg.connect(url, autocommit=True) as seeding:
                began = time.perf_counter()
                trace_history.ensure(seeding, project_id, count=count, end_ns=trace_history.END_NS)
            yield Figure(f"seeding {count:,} traces", time.perf_counter() - began, "s")
            for what, asked in (("filters", trace_matrix.FILTERS), ("searches", trace_matrix.searches())):
                found = trace_matrix.measure(project_id, asked)
                yield from _percentiles(f"trace list, {what}, {size:,} spans", found, last=size == max(sizes))
                for one in sorted(found, key=lambda one: -one.milliseconds)[:slowest]:
                    print(f"    {one.milliseconds:8.1f} ms  {one.words}", flush=True)


def _percentiles(name: str, found: "Sequence[Asked]", *, last: bool) -> Iterator[Figure]:
    ordered = sorted(one.milliseconds for one in found)
    yield Figure(f"{name}, p50 of {len(ordered):,} questions", ordered[len(ordered) // 2], "ms")
    limits = (150.0, 50.0) if last else (None, None)
    yield Figure(f"{name}, p95", ordered[int(0.95 * (len(ordered) - 1))], "ms", *limits)
    yield Figure(f"{name}, slowest", ordered[-1], "ms")


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", default=",".join(map(str, SIZES)), help="sizes of the histories")
    parser.add_argument("--slowest", type=int, default=0, help="how many of the slowest questions to print")
    options = parser.parse_args()
    show(figures(sizes=[int(size) for size in options.spans.split(",")], slowest=options.slowest))


if __name__ == "__main__":
    main()
