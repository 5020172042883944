"""Housekeeping that may be late."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from agents.models import IdempotencyRecord, Notification, User
from agents.services import mail
from console.lib import clock

IDEMPOTENCY_KEPT = timedelta(days=1)
NOTIFICATIONS_KEPT = timedelta(days=90)


@shared_task
def forget_old_records() -> None:
    """Deletes idempotency records after a day and notifications after ninety."""
    now = clock.now()
    IdempotencyRecord.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    Notification.objects.filter(created_at__lt=now - NOTIFICATIONS_KEPT).delete()


@shared_task
def mail_notification(user_id: int, title: str, body: str, url: str) -> None:
    """One notification as a letter; the bell keeps it in any case, so a letter that fails is not tried again."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        link = settings.PUBLIC_URL + url
        mail.send_link(to=user.email, template="notification", link=link, title=title, body=body, person=user)
