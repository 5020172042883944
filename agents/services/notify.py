"""Puts lines into people's bells and tells their open browsers."""

from collections.abc import Sequence
from datetime import datetime

from agents.models import Notification, Project, User
from console.lib import live

TITLE_CHARS = 200
BODY_CHARS = 500


def notify(
    *, users: Sequence[User], project: Project, kind: str, title: str, body: str, url: str, now: datetime
) -> None:
    """One notification for each of `users` who wants them in the bell. `url` is a path of this site."""
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
    for user in wanting:
        live.publish(live.user_group(user.pk), notification=kind)


def mark_read(*, user: User, ids: Sequence[int] | None, now: datetime) -> int:
    """Marks a person's notifications read, all of them when `ids` is None; returns how many were unread."""
    unread = Notification.objects.of(user.pk).unread()
    if ids is not None:
        unread = unread.filter(pk__in=ids)
    changed = unread.update(read_at=now)
    if changed:
        live.publish(live.user_group(user.pk), read=changed)
    return changed
