"""Ten thousand requests whose deadline has passed, and two workers: `python -m bench reviews_deadlines`."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event, Semaphore

from bench import reviews_pages
from bench.database import database
from bench.table import Figure

DUE = 10_000
WORKERS = 2
HANDLED = "SELECT count(*), count(DISTINCT approval_id) FROM reviews_approvalevent WHERE kind = 'expired'"
OVERDUE = "UPDATE reviews_approval SET expires_at = requested_at + interval '1 second' WHERE status = 'pending'"


def figures() -> Iterator[Figure]:
    """How long two workers take, undisturbed and with one of them killed in the middle."""
    with database():
        from django.db import connection

        for killing in (False, True):
            reviews_pages.seeded(f"due-{killing}", DUE, 0)
            with connection.cursor() as cursor:
                cursor.execute(OVERDUE)
                due = cursor.rowcount
                before = _handled()
            seconds = _worked_off(killing=killing)
            events, requests = (now - then for now, then in zip(_handled(), before, strict=True))
            how = "two workers, one of them killed in the middle" if killing else "two workers"
            yield Figure(f"{due:,} due deadlines, {how}", seconds, "s", 10)
            yield Figure("of these not handled", float(due - requests), "", 0, 0)
            yield Figure("of these handled more than once", float(events - requests), "", 0, 0)


def _worked_off(*, killing: bool) -> float:
    """Seconds until nothing is due any more, once the workers run."""
    context = multiprocessing.get_context("spawn")
    ready, begin = context.Semaphore(0), context.Event()
    workers: list[BaseProcess] = [
        context.Process(target=_work, args=(dict(os.environ), ready, begin)) for _ in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    before, began = _handled()[0], time.monotonic()
    begin.set()
    if killing:
        while _handled()[0] - before < DUE // 4:
            time.sleep(0.02)
        workers[0].kill()
    for worker in workers:
        worker.join()
    return time.monotonic() - began


def _work(environment: dict[str, str], ready: Semaphore, begin: Event) -> None:
    os.environ.update(environment)
    import django

    django.setup()
    from django.db import connection

    from reviews import tasks

    connection.ensure_connection()
    ready.release()
    begin.wait()
    tasks.expire_due()


def _handled() -> tuple[int, int]:
    """How many expiries were noted, and of how many requests."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(HANDLED)
        events, requests = cursor.fetchone()
    return events, requests


def main() -> None:
    """Measures and prints."""
    from bench.table import show

    show(figures())


if __name__ == "__main__":
    main()
