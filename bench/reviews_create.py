"""Requests for approval over HTTP, the policy included: `python -m bench reviews_create`.

Every request carries an Idempotency-Key, as the SDK's do, and goes to ten reviewers' bells. On a machine that does
other things, too, the CPU time that a request takes of each sort of process says more than the rate.
"""

import json
import secrets
import time
from collections.abc import Iterator

import psutil

from bench import load, reviews_people
from bench.load import Request
from bench.product import Product, product
from bench.table import Figure

CONNECTIONS = 32
WANTED_PER_SECOND = 300.0
REVIEWERS = 10
WARM_UP = 500
SORTS = {"uvicorn": "web", "celery": "Celery", "postgres": "PostgreSQL", "valkey": "Valkey"}


def figures(*, seconds: float = 60.0) -> Iterator[Figure]:
    """The rate at its maximum, and what a minute at the wanted rate is like."""
    with product() as running:
        reviews_people.reviewers(running, REVIEWERS)
        load.run(running, list(bodies(running, WARM_UP)), seconds=seconds, connections=CONNECTIONS)
        prepared = list(bodies(running, int(seconds / 4 * 1_500)))
        before = cpu_seconds(running)
        most = load.run(running, prepared, seconds=seconds / 4, connections=CONNECTIONS)
        spent = {sort: total - before[sort] for sort, total in cpu_seconds(running).items()}
        yield Figure("requests created at maximum load", most.rate, "/s", WANTED_PER_SECOND, None, True)
        for sort, total in spent.items():
            yield Figure(f"CPU time of {sort} for each", total / most.spans * 1_000, "ms")
        prepared = list(bodies(running, int(seconds * WANTED_PER_SECOND)))
        steady = load.run(
            running, prepared, seconds=seconds, connections=CONNECTIONS, spans_per_second=WANTED_PER_SECOND
        )
        yield Figure(f"requests created for {seconds:g} s", steady.rate, "/s", WANTED_PER_SECOND * 0.99, None, True)
        yield Figure("of these refused or failed", float(steady.refused + most.refused), "", 0, 0)
        yield Figure("answered within, p50", steady.latency_ms(0.5), "ms")
        yield Figure("answered within, p95", steady.latency_ms(0.95), "ms")
        stored = running.query("SELECT count(*) FROM reviews_approval")[0][0]
        yield Figure(
            "requests acknowledged and not stored", float(WARM_UP + most.spans + steady.spans - int(str(stored)))
        )


def bodies(running: Product, count: int, *, timeout_seconds: int = 86_400) -> Iterator[Request]:
    """Ready-made requests for refunds, no two alike."""
    for number in range(count):
        asked = {
            "action": ("process_refund", "send_email", "delete_records")[number % 3],
            "arguments": {"order": secrets.token_hex(6), "amount": number * 7 % 20_000, "currency": "EUR"},
            "summary": f"Refund for a parcel that never arrived, number {number}",
            "context": {"customer": {"tier": "gold", "since": "2021-04-02"}, "irreversible": number % 5 == 0},
            "agent": {"name": f"support-{number % 7}", "version": "1.4.2"},
            "session_id": secrets.token_hex(8),
            "trace_id": secrets.token_hex(16),
            "confidence": number % 100 / 100,
            "tags": ["refund", "eu"],
            "timeout_seconds": timeout_seconds,
        }
        content = json.dumps(asked).encode()
        head = (
            f"POST /api/v1/approvals HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\n"
            f"Authorization: Bearer {running.key}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {secrets.token_hex(12)}\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        yield Request(head.encode() + content, 1, len(content))


def cpu_seconds(running: Product) -> dict[str, float]:
    """CPU time so far, by sort of process, of those that live."""
    totals = dict.fromkeys(SORTS.values(), 0.0)
    for child in psutil.Process(running.pid).children():
        words = " ".join(child.cmdline())
        sort = next((sort for word, sort in SORTS.items() if word in words), None)
        if sort:
            times = [one.cpu_times() for one in (child, *child.children(recursive=True))]
            totals[sort] += sum(one.user + one.system for one in times)
    return totals


def main() -> None:
    """A short run, for whoever works on it."""
    from bench.table import show

    began = time.perf_counter()
    show(figures(seconds=12.0))
    print(f"{time.perf_counter() - began:.0f} s, load {psutil.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
