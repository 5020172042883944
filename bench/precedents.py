"""What was decided before, over a million decisions of one project: `python -m bench.precedents`."""

import argparse
import random
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench.database import database
from bench.table import Figure, show

DECIDED = 1_000_000
VECTORS = 5_000
ACTIONS = 20
ASKED = 60


def figures(*, decided: int = DECIDED) -> Iterator[Figure]:
    """The search for one action with half of all decisions, for a rare one, and what it reads."""
    with database():
        from django.db import connection

        project = _fill(decided)
        busy = _milliseconds(project, "action 0")
        yield Figure(f"precedents of an action decided {decided // 2:,} times, p50", statistics.median(busy), "ms")
        yield Figure(f"precedents of an action decided {decided // 2:,} times, p95", _p95(busy), "ms", 50, 20)
        yield Figure("precedents of an action never decided, p95", _p95(_milliseconds(project, "new")), "ms", 5)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_total_relation_size('reviews_precedent')")
            yield Figure("a precedent, its indexes included", cursor.fetchone()[0] / decided, "bytes")


def _arguments(chance: random.Random) -> dict[str, Any]:
    return {
        "order": f"A-{chance.randrange(10**6)}",
        "amount": chance.lognormvariate(5, 2),
        "currency": chance.choice("€$£"),
    }


def _milliseconds(project: Any, action: str) -> list[float]:
    """One search after another, each for other arguments, beyond those after which a statement is prepared."""
    from reviews.models import Approval, ApprovalItem
    from reviews.selectors import precedents

    chance = random.Random(3)
    times = []
    for _ in range(ASKED):
        approval = Approval(project=project, action=action, summary="Refund a double charge")
        item = ApprovalItem(approval=approval, action=action, arguments=_arguments(chance))
        began = time.perf_counter()
        precedents.nearest(approval, item)
        times.append((time.perf_counter() - began) * 1_000)
    return times[10:]


def _p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def _fill(decided: int) -> Any:
    """As many precedents, without the requests: half of one action, the rest of others."""
    from django.db import connection

    from agents.models import Project
    from reviews.embedding import embed

    project = Project.objects.create(slug="large", name="Large")
    chance = random.Random(5)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # No requests for them to point at.
        cursor.execute("CREATE TEMPORARY TABLE sample (n integer PRIMARY KEY, embedding halfvec)")
        cursor.executemany(
            "INSERT INTO sample VALUES (%s, %s::halfvec)",
            [(n, str(embed("action", _arguments(chance), "Refund a double charge"))) for n in range(VECTORS)],
        )
        cursor.execute(
            _PRECEDENTS,
            {
                "project": project.pk,
                "decided": decided,
                "vectors": VECTORS,
                "actions": ACTIONS,
                "now": datetime.now(UTC),
            },
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM (ANALYZE) reviews_precedent")
    return project


_PRECEDENTS = """
INSERT INTO reviews_precedent
       (project_id, approval_id, item_id, action, verdict, fingerprint, embedding, decided_at)
SELECT %(project)s, gen_random_uuid(), n.n,
       CASE WHEN n.n %% 2 = 0 THEN 'action 0' ELSE 'action ' || n.n %% %(actions)s END,
       CASE WHEN n.n %% 7 = 0 THEN 'reject' ELSE 'approve' END,
       hashtextextended(n.n::text, 0), sample.embedding,
       %(now)s::timestamptz - (%(decided)s - n.n) * interval '8 seconds'
  FROM generate_series(1, %(decided)s) AS n (n)
  JOIN sample ON sample.n = n.n %% %(vectors)s
 ORDER BY n.n
"""


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decided", type=int, default=DECIDED)
    show(figures(decided=parser.parse_args().decided))


if __name__ == "__main__":
    main()
