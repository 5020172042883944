"""Outcomes that spans report: noted in the transaction of the spans, taken by whoever keeps approvals."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from metrics.ingest.masking import Masker
from metrics.ingest.reported import Reported
from metrics.models.reported_outcome import ReportedOutcome
from metrics.times import from_ns

KEPT = timedelta(days=14)
"""For so long a span that is sent again is recognised: longer than telemetry is accepted late."""


def masked(found: Sequence[Reported], masker: Masker | None) -> list[Reported]:
    """The same as the project's policy lets it be stored."""
    if masker is None:
        return list(found)
    return [one._replace(detail={name: masker.value(value) for name, value in one.detail.items()}) for one in found]


def note(*, found: Sequence[tuple[int, Reported]], now: datetime) -> None:
    """Keeps what spans of projects report, in the caller's transaction; what a span has said already counts once."""
    ReportedOutcome.objects.bulk_create(
        (
            ReportedOutcome(
                project_id=project_id,
                trace_id=one.trace_id,
                span_id=one.span_id,
                ended_at=from_ns(one.end_ns),
                approval=one.approval,
                status=one.status,
                detail=one.detail,
                noted_at=now,
            )
            for project_id, one in found
        ),
        ignore_conflicts=True,
    )


def take(*, now: datetime, limit: int) -> list[ReportedOutcome]:
    """The oldest that nobody has taken, which are the caller's if its transaction commits.

    What another transaction is taking is passed over, so that several workers share them.
    """
    waiting = ReportedOutcome.objects.filter(taken_at__isnull=True).order_by("id")
    found = list(waiting.select_for_update(skip_locked=True)[:limit])
    ReportedOutcome.objects.filter(pk__in=[one.pk for one in found]).update(taken_at=now)
    return found


def forget(*, now: datetime, limit: int = 1_000) -> int:
    """Deletes up to `limit` that were taken long ago; returns how many."""
    old = ReportedOutcome.objects.filter(taken_at__lt=now - KEPT).order_by("taken_at").values_list("pk", flat=True)
    gone, _tables = ReportedOutcome.objects.filter(pk__in=list(old[:limit])).delete()
    return gone
