"""Every benchmark in a process of its own: some of them set Django up for a database of theirs."""

import multiprocessing
from collections.abc import Iterator
from importlib import import_module
from multiprocessing.connection import Connection

from bench.table import Figure

BENCHMARKS = (
    "ingest", "growth", "reading", "trace_list", "trace_page", "live", "normalise", "masking",
    "reviews_create", "reviews_wait", "reviews_fanout", "reviews_pages", "reviews_deadlines", "analytics", "precedents",
    "backtest",
)  # fmt: skip


def figures(names: list[str]) -> Iterator[Figure]:
    """The figures of some benchmarks, as they are found."""
    context = multiprocessing.get_context("spawn")
    for name in names:
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_measure, args=(name, sending))
        process.start()
        sending.close()
        try:
            while True:
                yield receiving.recv()
        except EOFError:
            process.join()
        if process.exitcode:
            raise SystemExit(f"bench.{name} failed")


def _measure(name: str, sending: Connection) -> None:
    for figure in import_module(f"bench.{name}").figures():
        sending.send(figure)
