"""How long pages take over 0.1, 1 and 10 million spans of ten days: what the server does, without the network.

`python -m bench.reading`. Each size is a project of its own in one database; what is measured is a signed-in person's
request through all of Django, first one for each page apart.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from bench import rollup_history
from bench.database import database

SIZES = (100_000, 1_000_000, 10_000_000)
REPEATS = 60
PAGES = {"overview 24 h": "?range=24h", "overview 7 d": "?range=7d", "overview 24 h, compared": "?range=24h&compare=1"}


def main() -> None:
    """Prints one line per size and page."""
    with database() as url:
        now = datetime.now(UTC)
        for size in SIZES:
            slug = _seeded(url, size, now)
            for name, query in PAGES.items():
                _report(f"{name}, {size:,} spans", _timed(_reader(slug), f"/p/{slug}/{query}"))


def _seeded(url: str, size: int, now: datetime) -> str:
    """The address of a new project with a history of `size` spans."""
    from agents.models import Project
    from metrics.services import compaction, partitions
    from metrics.times import to_ns

    project = Project.objects.create(slug=f"spans-{size}", name=f"{size} spans")
    days = [to_ns(now - timedelta(days=ago)) for ago in range(rollup_history.DAYS + 1)]
    partitions.ensure("metrics_span", days)
    with psycopg.connect(url, autocommit=True) as connection:
        rows = rollup_history.rollups(connection, project.pk, spans=size, end=now)
        rollup_history.failed_spans(connection, project.pk, spans=size, end=now)
        began = time.perf_counter()
        done = compaction.run(now=now, projects=[project.pk], seconds=3_600)
        took = time.perf_counter() - began
        connection.execute("VACUUM (ANALYZE) metrics_rollup")
    print(
        f"{size:,} spans: {rows:,} minute rows, {done.periods:,} longer periods compacted in {took:.1f} s", flush=True
    )
    return project.slug


def _reader(slug: str) -> Callable[[str], float]:
    """A person who may look at the project; the seconds that an answer took."""
    from django.test import Client

    from agents.models import Membership, Project, User

    project = Project.objects.get(slug=slug)
    person, _ = User.objects.get_or_create(email="reader@example.org", defaults={"name": "Reader"})
    Membership.objects.get_or_create(user=person, project=project, role="viewer")
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")

    def read(path: str) -> float:
        began = time.perf_counter()
        answer = client.get(path, headers={"host": "localhost"})
        took = time.perf_counter() - began
        assert answer.status_code == 200, answer
        return took

    return read


def _timed(read: Callable[[str], float], path: str) -> list[float]:
    read(path)
    return sorted(read(path) for _ in range(REPEATS))


def _report(name: str, ordered: Sequence[float]) -> None:
    p50, p95 = (ordered[int(share * (len(ordered) - 1))] * 1_000 for share in (0.5, 0.95))
    print(f"{name:45s} p50 {p50:7.1f} ms   p95 {p95:7.1f} ms", flush=True)


if __name__ == "__main__":
    main()
