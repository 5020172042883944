"""What may be late: housekeeping, letters, and everything on its way out of the outbox."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from agents.models import Channel, IdempotencyRecord, Notification, User
from agents.services import deliveries, mail, outbox, routing
from console.lib import clock

IDEMPOTENCY_KEPT = timedelta(days=1)
NOTIFICATIONS_KEPT = timedelta(days=90)
DELIVERIES_KEPT = timedelta(days=30)

SENDERS = 16
SENDING_SECONDS = 8.0
"""A run takes up nothing new after so long: a worker that is to stop should not have to be killed."""

_sending = threading.Lock()


@shared_task
def forget_old_records() -> None:
    """Deletes idempotency records after a day, deliveries after thirty and notifications after ninety."""
    now = clock.now()
    IdempotencyRecord.objects.filter(created_at__lt=now - IDEMPOTENCY_KEPT).delete()
    Notification.objects.filter(created_at__lt=now - NOTIFICATIONS_KEPT).delete()
    while outbox.forget(before=now - DELIVERIES_KEPT):
        pass


@shared_task
def mail_notification(user_id: int, title: str, body: str, url: str, over: bool = False) -> None:
    """One notification as a letter; the bell keeps it in any case, so a letter that fails is not tried again.

    None comes about what has ended meanwhile, unless it was `over` when it was told.
    """
    if not over and outbox.ended(paths=[url]):
        return
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        link = settings.PUBLIC_URL + url
        mail.send_link(to=user.email, template="notification", link=link, title=title, body=body, person=user)


@shared_task
def send_outbox() -> None:
    """Routes what happened and sends what is due, many endpoints at once, until nothing is; one run per process.

    A worker has few threads and other duties: an endpoint that hangs must not take more than one of them.
    """
    if not _sending.acquire(blocking=False):
        return
    try:
        _send_until(time.monotonic() + SENDING_SECONDS)
    finally:
        _sending.release()


def _send_until(end: float) -> None:
    with ThreadPoolExecutor(SENDERS, thread_name_prefix="sender") as pool:
        running: dict[Future[list[deliveries.Tried]], deliveries.Lease] = {}
        while True:
            routed = routing.route(now=clock.now())
            if time.monotonic() < end:
                for lease in deliveries.lease_due(now=clock.now(), limit=SENDERS - len(running)):
                    if lease.channel.kind == Channel.Kind.BROWSER:  # its messages are rows: no other side to wait for
                        _settle(lease, deliveries.attempt(lease, now=clock.now()))
                    else:
                        running[pool.submit(deliveries.attempt, lease, now=clock.now())] = lease
            elif not running:
                return
            if not running and not routed:
                return
            done, _waiting = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                _settle(running.pop(future), future.result())


def _settle(lease: deliveries.Lease, tried: Sequence[deliveries.Tried]) -> None:
    deliveries.settle(lease=lease, tried=tried, now=clock.now())
