"""Puts lines into people's bells and tells their open browsers."""

import functools
from collections.abc import Callable, Sequence
from datetime import datetime

from django.conf import settings
from django.db.models import Count

from agents.models import Notification, Project, User
from console.lib import live, queue

TITLE_CHARS = 200
BODY_CHARS = 500


def notify(
    *, users: Sequence[User], project: Project, kind: str, title: str, body: str, url: str, now: datetime
) -> None:
    """One notification for each of `users` who wants them in the bell, and a letter for those who want that.

    `url` is a path of this site.
    """
    for user in users:
        if user.notify_by_email and settings.EMAIL_HOST:
            queue.enqueue("agents.tasks.mail_notification", user_id=user.pk, title=title, body=body, url=url)
    wanting = [user for user in users if user.notify_in_app]
    Notification.objects.bulk_create(
        [
            Notification(
                user=user,
                project=project,
                kind=kind,
                title=title[:TITLE_CHARS],
                body=body[:BODY_CHARS],
                url=url,
                created_at=now,
            )
            for user in wanting
        ]
    )
    counted = functools.cache(functools.partial(_unread_counts, [user.pk for user in wanting]))  # One query for all.
    for user in wanting:
        live.publish(live.user_group(user.pk), counts=functools.partial(_unread, counted, user), notification=kind)


def mark_read(*, user: User, ids: Sequence[int] | None, now: datetime) -> int:
    """Marks a person's notifications read, all of them when `ids` is None; returns how many were unread."""
    unread = Notification.objects.of(user.pk).unread()
    if ids is not None:
        unread = unread.filter(pk__in=ids)
    changed = unread.update(read_at=now)
    if changed:
        counted = functools.partial(_unread_counts, [user.pk])
        live.publish(live.user_group(user.pk), counts=functools.partial(_unread, counted, user), read=changed)
    return changed


def _unread(counted: Callable[[], dict[int, int]], user: User) -> dict[str, int]:
    return {"unread": counted()[user.pk]}


def _unread_counts(user_ids: Sequence[int]) -> dict[int, int]:
    """How many notifications each of these people has not read."""
    rows = Notification.objects.filter(user_id__in=user_ids, read_at__isnull=True).order_by()
    counted = rows.values_list("user_id").annotate(Count("pk"))
    return dict.fromkeys(user_ids, 0) | dict(counted)
