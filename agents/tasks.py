"""Housekeeping that may be late."""

from datetime import timedelta

from celery import shared_task

from agents.models import IdempotencyRecord, Notification
from console.lib import clock

IDEMPOTENCY_KEPT = timedelta(days=1)
NOTIFICATIONS_KEPT = timedelta(days=90)


@shared_task
def forget_old_records() -> None:
    """Deletes idempotency records after a day and notifications after ninety."""
    now = clock.now()
    IdempotencyRecord.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    Notification.objects.filter(created_at__lt=now - NOTIFICATIONS_KEPT).delete()
