"""The queue over many requests: what the server takes for its pages, and how often it asks.

`python -m bench reviews_pages`.

Each size is a project of its own in one database; what is measured is a signed-in reviewer's request through all of
Django, after a first one.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bench.database import database
from bench.table import Figure

if TYPE_CHECKING:
    from agents.models import Project

SIZES = ((1_000, 10_000), (100_000, 1_000_000))
"""Requests that wait, and requests that were decided."""

REPEATS = 40
PAGES = {
    "queue": "queue/",
    "its list, refetched": "queue/list/",
    "its list, critical ones": "queue/list/?risk=critical",
    "what was decided": "queue/?status=decided",
    "a request": "queue/{waiting}/",
    "a decided request": "queue/{decided}/",
    "tile of the overview": "queue/tile/",
}

# Copies of one real request and of its item, so that this knows nothing of columns that do not matter here.
COPIES = """
    INSERT INTO reviews_approval
    SELECT made.*
      FROM reviews_approval AS model, generate_series(1, %(count)s) AS number,
           LATERAL jsonb_populate_record(model, jsonb_build_object(
               'id', uuidv7(-number * interval '2 seconds'),
               'project_id', %(project)s::bigint,
               'action', (ARRAY['process_refund', 'send_email', 'delete_records'])[1 + number %% 3],
               'agent', 'support-' || number %% 7,
               'session_id', 'session-' || number / 5,
               'risk_level', (ARRAY['low', 'low', 'medium', 'high', 'critical'])[1 + number %% 5],
               'risk_score', number %% 100 / 100.0,
               'status', %(status)s::text,
               'verdict', CASE WHEN %(status)s = 'approved' THEN 'approve' ELSE '' END,
               'decided_by_label', CASE WHEN %(status)s = 'approved' THEN 'Reviewer 1' ELSE '' END,
               'requested_at', now() - number * interval '2 seconds',
               'closed_at', CASE WHEN %(status)s = 'approved' THEN now() - number * interval '1 second' END,
               'expires_at', now() + interval '1 day' + number * interval '1 second',
               'due_minute', extract(epoch FROM now() + interval '1 day')::bigint / 60 + number / 60)) AS made
     WHERE model.id = %(model)s
"""
ITEMS = """
    INSERT INTO reviews_approvalitem
    SELECT made.*
      FROM reviews_approvalitem AS item, reviews_approval AS approval,
           LATERAL jsonb_populate_record(item, jsonb_build_object(
               'id', nextval(pg_get_serial_sequence('reviews_approvalitem', 'id')),
               'approval_id', approval.id, 'action', approval.action)) AS made
     WHERE item.approval_id = %(model)s AND approval.project_id = %(project)s AND approval.id <> item.approval_id
"""


@dataclass(frozen=True)
class Read:
    """What one page took."""

    seconds: float
    queries: int


def figures(*, sizes: tuple[tuple[int, int], ...] = SIZES) -> Iterator[Figure]:
    """Times and numbers of queries of each page at each size."""
    with database():
        counted: dict[str, set[int]] = {name: set() for name in PAGES}
        for waiting, decided in sizes:
            read, ids = _opened(waiting, decided)
            for name, path in PAGES.items():
                reads = [read(path.format(**ids)) for _ in range(REPEATS + 1)][1:]
                times = sorted(one.seconds for one in reads)
                counted[name].add(round(statistics.median(one.queries for one in reads)))
                title = f"{name}, {waiting:,} wait, {decided:,} decided"
                yield Figure(f"{title}, p50", times[len(times) // 2] * 1_000, "ms")
                yield Figure(f"{title}, p95", times[int(0.95 * (len(times) - 1))] * 1_000, "ms", 100)
        for name, numbers in counted.items():
            yield Figure(f"{name}: most queries", float(max(numbers)))
            yield Figure(f"{name}: more queries over more requests", float(max(numbers) - min(numbers)), "", 0, 0)


def _opened(waiting: int, decided: int) -> tuple[Callable[[str], Read], dict[str, str]]:
    """A reviewer who reads a new project's pages, and a request of each sort."""
    from agents.models import Membership, User
    from reviews.models import Approval

    project = seeded(f"queue-{waiting}", waiting, decided)
    person, _ = User.objects.get_or_create(email="reader@example.org", defaults={"name": "Reader"})
    Membership.objects.create(user=person, project=project, role="reviewer")
    of_project = Approval.objects.filter(project=project)
    middle = of_project.filter(status="pending").by_urgency()[waiting // 2]
    latest = of_project.filter(status="approved").newest_first()[0]
    return _reader(project.slug, person), {"waiting": str(middle.pk), "decided": str(latest.pk)}


def seeded(slug: str, waiting: int, decided: int) -> "Project":
    """A new project with so many requests, and one more that waits."""
    from django.db import connection

    from agents.authentication import Caller
    from agents.models import Project, User
    from console.lib import clock
    from reviews.services.requests import ItemDraft, RequestDraft, create_request

    project = Project.objects.create(slug=slug.lower(), name=slug)
    asking, _ = User.objects.get_or_create(email="asking@example.org", defaults={"name": "Asking"})
    item = ItemDraft(
        action="process_refund", arguments={"order": "A-17", "amount": 12_000, "note": "late parcel " * 20}
    )
    draft = RequestDraft(items=(item,), summary="A parcel that never arrived", timeout=timedelta(days=1))
    model = create_request(project=project, by=Caller(user=asking), draft=draft, now=clock.now())
    known: dict[str, Any] = {"project": project.pk, "model": model.pk}
    with connection.cursor() as cursor:
        for status, count in (("pending", waiting), ("approved", decided)):
            cursor.execute(COPIES, {**known, "status": status, "count": count})
        cursor.execute(ITEMS, known)
        for table in ("approval", "approvalitem"):
            cursor.execute(f"VACUUM (ANALYZE) reviews_{table}")
    return project


def _reader(slug: str, person: object) -> Callable[[str], Read]:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]

    def read(path: str) -> Read:
        connection.queries_log.clear()
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            answer = client.get(f"/p/{slug}/{path}", headers={"host": "localhost"})
            took = time.perf_counter() - began
        assert answer.status_code == 200, answer
        return Read(took, len(queries))

    return read


def main() -> None:
    """Measures and prints."""
    import sys

    from bench.table import show

    given = [int(word) for word in sys.argv[1:]]
    show(figures(sizes=((100, 1_000), (given[0], given[1])) if given else SIZES))


if __name__ == "__main__":
    main()
