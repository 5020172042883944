"""What must happen although nobody asks: deadlines."""

from __future__ import annotations

from celery import shared_task

from console.lib import clock
from reviews.services import expiry, flow


@shared_task
def expire_due() -> int:
    """Expires every request that is overdue, a batch at a time; returns how many. Any number may run at once."""
    expired = 0
    while batch := expiry.expire_due(now=clock.now()):
        expired += batch
    return expired


@shared_task
def count_flow() -> int:
    """Counts what came and went since the last time, and keeps what was decided as precedents; returns how many."""
    counted = 0
    while batch := flow.count():
        counted += batch
    return counted
