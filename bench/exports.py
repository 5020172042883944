"""Freezing and exporting ten times as much takes the same memory: `python -m bench.exports`."""

import argparse
import resource
import time
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Any

from bench.database import database
from bench.table import Figure, show

EXAMPLES = 100_000
TIMES = 1
SESSIONS = 20_000
TURN = 10**6
CONTEXT = {
    "messages": [
        {
            "role": "user",
            "content": "I was charged twice for the same order and would like my money back, please. " * 3,
        },
        {"role": "assistant", "content": "I see two charges. I shall ask for leave to refund one of them. " * 2},
    ],
    "tier": "vip",
}


def figures(*, examples: int = EXAMPLES, times: int = TIMES) -> Iterator[Figure]:
    """A tenth first and then the whole: time for each example, and the peak of resident memory after each.

    With `times` the last version then gets so many times its lines, and is exported once more: a million rows without
    the hour that it takes to decide and freeze a million examples.
    """
    with database():
        project, by, template = _decided()
        made = 1
        for size in (examples // 10, examples):
            _multiply(template, made, size)
            made = size
            version = yield from _frozen(project, by, size)
            yield from _exported(version, by, size)
        if times > 1:
            _repeat(version, times)
            yield from _exported(version, by, size * times)


def _frozen(project: Any, by: Any, size: int) -> Generator[Figure, None, Any]:
    from console.lib import clock
    from reviews.serializers.feedback import line_of
    from reviews.services import datasets, freezes

    draft = datasets.DatasetDraft(name=f"Of {size}", masks=False)
    dataset = datasets.create_dataset(project=project, by=by, draft=draft, now=clock.now())
    version = datasets.freeze(dataset=dataset, by=by, now=clock.now())
    began = time.process_time(), time.perf_counter()
    freezes.advance(version_id=version.pk, line=line_of, clock=clock.now, seconds=TURN)
    version.refresh_from_db()
    assert version.status == "ready", version.error
    assert version.examples == size, (version.examples, size)
    yield from _figures(f"freeze {size:,} examples", size, began)
    return version


def _exported(version: Any, by: Any, size: int) -> Iterator[Figure]:
    from console.lib import clock
    from reviews.exporting import FORMATS
    from reviews.services import exports

    for name in FORMATS:
        export = exports.order(version=version, by=by, format=name, split="", now=clock.now())
        began = time.process_time(), time.perf_counter()
        exports.advance(export_id=str(export.pk), clock=clock.now, seconds=TURN)
        export.refresh_from_db()
        assert export.status == "ready", export.error
        yield from _figures(f"{size:,} examples as {name}, {export.size / 1e6:.0f} MB", size, began)
        _forget()


def _repeat(version: Any, times: int) -> None:
    """The same lines so many times."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "INSERT INTO reviews_datasetpart (version_id, number, rows, data)"
            " SELECT version_id, number + turn * %(parts)s, rows, data"
            " FROM reviews_datasetpart, generate_series(1, %(times)s - 1) AS turn WHERE version_id = %(version)s",
            {"parts": version.parts_count, "times": times, "version": version.pk},
        )
        cursor.execute(
            "UPDATE reviews_datasetversion SET parts_count = parts_count * %s, examples = examples * %s WHERE id = %s",
            [times, times, version.pk],
        )
        cursor.execute("SET session_replication_role = origin")
    version.refresh_from_db()


def _forget() -> None:
    """The file, so that the disk need not hold all of them."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE reviews_exportpart")


def _figures(what: str, size: int, began: tuple[float, float]) -> Iterator[Figure]:
    processor, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure(f"{what}: each", wall / size * 1e6, "us")
    yield Figure(f"{what}: processor time here, each", processor / size * 1e6, "us")
    yield Figure(f"{what}: peak memory of the process until then", peak, "MiB")


def _decided() -> tuple[Any, Any, Any]:
    """A project, somebody who may export, and a request that was decided."""
    from agents.authentication import Caller
    from agents.models import ApiKey, Membership, Project, User
    from console.lib import clock
    from reviews.services.decisions import Ruling, decide
    from reviews.services.requests import ItemDraft, RequestDraft, create_request
    from reviews.states import Verdict

    project = Project.objects.create(slug="large", name="Large")
    person = User.objects.create_user("lea@example.org", name="Lea")
    Membership.objects.create(user=person, project=project, role="lead")
    key = ApiKey.objects.create(project=project, name="bot", secret_hash=b"0" * 32, scopes=["approvals:request"])
    item = ItemDraft(action="process_refund", arguments={"order": "A-0", "amount": 1})
    request = RequestDraft(items=(item,), timeout=timedelta(minutes=5), context=CONTEXT, agent="support")
    approval = create_request(project=project, by=Caller(key=key), draft=request, now=clock.now())
    ruling = Ruling(verdict=Verdict.EDIT, arguments={"order": "A-0", "amount": 2}, reason="Half of it is enough")
    decide(approval=approval, by=Caller(user=person), ruling=ruling, now=clock.now())
    return project, Caller(user=person), approval


def _multiply(template: Any, made: int, size: int) -> None:
    """More of the same request with other arguments, until there are `size` of them."""
    from reviews.models import Approval, ApprovalItem, Decision, FeedbackExample

    numbered = "('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
    row, own = "10000000 + n", template.pk
    item = {"id": row, "approval_id": numbered, "arguments": "json_build_object('order', 'A-' || n, 'amount', n)"}
    decision = {"id": row, "approval_id": numbered, "item_id": row}
    example = {"id": row, "approval_id": numbered, "item_id": row, "decision_id": row, "transaction": f"n - {10**9}"}
    session = f"'s' || (n %% {SESSIONS})"
    _copy(Approval, "id", own, {"id": numbered, "session_id": session}, made, size)
    _copy(ApprovalItem, "approval_id", own, item, made, size)
    _copy(Decision, "approval_id", own, decision, made, size)
    _copy(FeedbackExample, "approval_id", own, example, made, size)


def _copy(model: Any, column: str, own: Any, changed: dict[str, str], made: int, size: int) -> None:
    from django.db import connection

    names = [field.column for field in model._meta.concrete_fields]
    table = model._meta.db_table
    values = ", ".join(changed.get(name, f'row."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS row, generate_series(%s::bigint, %s) AS n"
            f" WHERE row.{column} = %s",
            [made, size - 1, own],
        )
        cursor.execute(f"ANALYZE {table}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--times", type=int, default=TIMES)
    chosen = parser.parse_args()
    show(figures(examples=chosen.examples, times=chosen.times))
