"""The outbox: what happened is written down with what made it happen, and a worker sends it on afterwards."""

import time
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import connection, transaction

from agents.messages import Event
from agents.models import OutboxEvent
from console.lib import queue
from console.lib.rows import insert

WAKE_SECONDS = 0.1
"""A process asks for the worker so often at most, and for so much later: what happens until then is sent as well.

Whoever waits for what happened is woken by a notice at once. The worker would take the processors from them just when
hundreds are answered, and nobody minds to be told a tenth of a second later that they were.
"""

TITLE_CHARS = 200
BODY_CHARS = 500

# Whatever still waits to be sent is kept with its event.
FORGET = """
    WITH old AS (SELECT id FROM agents_outboxevent AS event
                  WHERE at < %(before)s AND routed_at IS NOT NULL
                    AND NOT EXISTS (SELECT 1 FROM agents_delivery WHERE event_id = event.id AND status = 'pending')
                  ORDER BY at LIMIT %(limit)s),
         tries AS (DELETE FROM agents_attempt USING agents_delivery AS delivery, old
                    WHERE delivery.event_id = old.id AND agents_attempt.delivery_id = delivery.id),
         sent AS (DELETE FROM agents_delivery USING old WHERE event_id = old.id),
         gone AS (DELETE FROM agents_outboxevent USING old WHERE agents_outboxevent.id = old.id RETURNING 1)
    SELECT count(*) FROM gone
"""

_last_woken = float("-inf")


def record(*, events: Iterable[Event], now: datetime) -> None:
    """Writes events into the outbox, in the caller's transaction: they are told if and only if it commits."""
    insert(rows_of(events, now=now))


def rows_of(events: Iterable[Event], *, now: datetime) -> list[OutboxEvent]:
    """As `record`, but it is the caller who writes the rows, in the same transaction."""
    found = [_row(event, now) for event in events]
    if found:
        transaction.on_commit(wake)
    return found


def wake() -> None:
    """Asks a worker to send what waits in a moment, unless this process has just asked."""
    global _last_woken
    if time.monotonic() - _last_woken >= WAKE_SECONDS:
        _last_woken = time.monotonic()
        queue.enqueue("agents.tasks.send_outbox", after_seconds=WAKE_SECONDS)


def ended(*, paths: Collection[str]) -> dict[str, int]:
    """Of some pages those on which nobody has to act any more, with the number of the event that ended it."""
    rows = OutboxEvent.objects.filter(path__in=paths, ends=True) if paths else OutboxEvent.objects.none()
    return dict(rows.order_by("pk").values_list("path", "pk"))


def begins_again(*, path: str) -> None:
    """People have to act on a page again after all: what is told of it from now on is not over."""
    OutboxEvent.objects.filter(path=path, ends=True).update(ends=False)


def forget(*, before: datetime, limit: int = 1_000) -> int:
    """Deletes up to `limit` events that happened `before`, with their deliveries and attempts; returns how many."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FORGET, {"before": before, "limit": limit})
        return int(cursor.fetchone()[0])


def _row(event: Event, now: datetime) -> OutboxEvent:
    columns = {**vars(event), "without": sorted(event.without)}
    columns["title"], columns["body"] = event.title[:TITLE_CHARS], event.body[:BODY_CHARS]
    columns["actions"] = [{"label": label, "path": path} for label, path in event.actions]
    return OutboxEvent(**columns, at=now)
