"""How long pages take over 0.1, 1 and 10 million spans of ten days: what the server does, without the network.

Each size is a project of its own in one database; what is measured is a signed-in person's request through all of
Django, after a first one. `python -m bench reading`.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from bench import rollup_history
from bench.database import database
from bench.table import Figure

SIZES = (100_000, 1_000_000, 10_000_000)
REPEATS = 60
PAGES = {
    "overview of 24 h": "?range=24h",
    "overview of 7 d": "?range=7d",
    "overview of 24 h, compared": "?range=24h&compare=1",
    "costs of 30 d by model": "costs/?by=model",
}


def figures() -> Iterator[Figure]:
    """p50 and p95 of every page at every size, and how fast the history was compacted."""
    with database() as url:
        now = datetime.now(UTC)
        for size in SIZES:
            slug, rate = _seeded(url, size, now)
            yield Figure(f"compaction of {rollup_history.DAYS} days, {size:,} spans", rate, "periods/s")
            read = _reader(slug)
            for name, query in PAGES.items():
                times = _timed(read, f"/p/{slug}/{query}")
                for share, least, aim in ((0.5, None, None), (0.95, 150, 50)):
                    found = times[int(share * (len(times) - 1))] * 1_000
                    yield Figure(f"{name}, {size:,} spans, p{share * 100:.0f}", found, "ms", least, aim)


def _seeded(url: str, size: int, now: datetime) -> tuple[str, float]:
    """The address of a new project with a history of `size` spans, and the periods that were compacted a second."""
    from agents.models import Project
    from metrics.services import compaction, partitions
    from metrics.times import to_ns

    project = Project.objects.create(slug=f"spans-{size}", name=f"{size} spans")
    days = [to_ns(now - timedelta(days=ago)) for ago in range(rollup_history.DAYS + 1)]
    partitions.ensure("metrics_span", days)
    with psycopg.connect(url, autocommit=True) as connection:
        rollup_history.rollups(connection, project.pk, spans=size, end=now)
        rollup_history.failed_spans(connection, project.pk, spans=size, end=now)
        began = time.perf_counter()
        done = compaction.run(now=now, projects=[project.pk], seconds=3_600)
        took = time.perf_counter() - began
        connection.execute("VACUUM (ANALYZE) metrics_rollup")
    return project.slug, done.periods / took


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
