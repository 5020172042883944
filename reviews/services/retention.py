"""What is kept no longer: lines of versions that somebody takes back, and old back-tests. What remains says so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pgtrigger
from django.db import transaction
from django.db.models import QuerySet

from agents.authentication import Caller
from agents.services import audit
from console.lib.clock import rfc3339
from console.lib.queue import enqueue
from reviews.models import Backtest, BacktestCase, DatasetPart, DatasetVersion, Export, Pattern, WorkStatus

BACKTESTS_KEPT = timedelta(days=180)
RUNS_AT_ONCE = 20
CASES_AT_ONCE = 5_000
PARTS_AT_ONCE = 100


class Busy(Exception):
    """A file is being made of it, or it is not finished."""


class Kept(Exception):
    """A suggested rule rests on it."""


@transaction.atomic
def forget_version(*, version: DatasetVersion, by: Caller, now: datetime) -> bool:
    """Takes the lines of a version back, and its files; False when that was done before. Raises Busy.

    The version stays with its number, its card and its hash, so that whoever has a copy can still tell what it is.
    """
    row = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset__project").get(pk=version.pk)
    if row.status == WorkStatus.EXPIRED:
        return False
    files = Export.objects.filter(version=row)
    if row.status != WorkStatus.READY or files.filter(status__in=[WorkStatus.QUEUED, WorkStatus.RUNNING]).exists():
        raise Busy
    with pgtrigger.ignore("reviews.DatasetVersion:dataset_frozen"):
        DatasetVersion.objects.filter(pk=row.pk).update(status=WorkStatus.EXPIRED)
    files.filter(status=WorkStatus.READY).update(status=WorkStatus.EXPIRED)
    detail = {"version": row.number, "examples": row.examples, "content_hash": row.content_hash}
    target = f"dataset {row.dataset_id}"
    audit.record(project=row.dataset.project, by=by, action="dataset.forgotten", target=target, detail=detail, now=now)
    enqueue("reviews.tasks.expire_exports")
    version.refresh_from_db(fields=["status"])
    return True


def clear_forgotten() -> None:
    """Deletes the lines of versions that were taken back."""
    parts = DatasetPart.objects.filter(version__status=WorkStatus.EXPIRED)
    while ids := list(parts.values_list("pk", flat=True)[:PARTS_AT_ONCE]):
        DatasetPart.objects.filter(pk__in=ids).delete()


@transaction.atomic
def forget_backtest(*, backtest: Backtest, by: Caller, now: datetime) -> None:
    """Deletes a run with its disagreements. Raises Busy while it is not finished, and Kept."""
    row = Backtest.objects.select_for_update(of=("self",)).select_related("project").get(pk=backtest.pk)
    if row.is_open:
        raise Busy
    if Pattern.objects.filter(backtest=row).exists():
        raise Kept
    _delete(row, by, now)


def forget_old_backtests(*, now: datetime) -> int:
    """Deletes runs that ended BACKTESTS_KEPT ago, of those that a suggested rule rests on only the disagreements;
    returns how many runs, at most RUNS_AT_ONCE."""
    _clear(BacktestCase.objects.filter(backtest__finished_at__lt=now - BACKTESTS_KEPT))
    old = Backtest.objects.filter(finished_at__lt=now - BACKTESTS_KEPT, pattern__isnull=True).order_by("finished_at")
    found = list(old.select_related("project")[:RUNS_AT_ONCE])
    for row in found:
        with transaction.atomic():
            _delete(row, None, now)
    return len(found)


def _delete(row: Backtest, by: Caller | None, now: datetime) -> None:
    _clear(BacktestCase.objects.filter(backtest=row))
    finished = rfc3339(row.finished_at) if row.finished_at else None
    detail = {"digest": row.digest, "requests": row.done, "finished_at": finished}
    target = f"policy {row.subject} {row.number}"
    audit.record(project=row.project, by=by, action="policy.backtest_forgotten", target=target, detail=detail, now=now)
    Backtest.objects.filter(pk=row.pk).delete()


def _clear(cases: QuerySet[BacktestCase]) -> None:
    while ids := list(cases.values_list("pk", flat=True)[:CASES_AT_ONCE]):
        BacktestCase.objects.filter(pk__in=ids).delete()
