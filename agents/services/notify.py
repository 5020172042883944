"""Puts lines into people's bells and tells their open browsers."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from agents import selectors
from agents.models import Notification, Project, User
from console.lib import live, queue
from console.lib.gathering import Gathering
from console.lib.rows import insert

TITLE_CHARS = 200
BODY_CHARS = 500

# Through the index of those unread, no further than the cap: somebody may be away for a month.
UNREAD = """
    SELECT person.id, (SELECT count(*)
                         FROM (SELECT 1 FROM agents_notification AS line
                                WHERE user_id = person.id AND read_at IS NULL
                                  AND EXISTS (SELECT FROM agents_membership AS theirs
                                               WHERE theirs.user_id = person.id
                                                 AND theirs.project_id = line.project_id)
                                LIMIT %(cap)s) AS capped)
      FROM unnest(%(users)s::bigint[]) AS person (id)
"""


@dataclass(frozen=True, kw_only=True)
class News:
    """Something that some people are told. `url` is a path of this site.

    `over`: nobody has to act on what it leads to any more.
    """

    users: Sequence[User]
    kind: str
    title: str
    body: str
    url: str
    over: bool = False


def notify(
    *, users: Sequence[User], project: Project, kind: str, title: str, body: str, url: str, now: datetime
) -> None:
    """One notification for each of `users` who wants them in the bell, and a letter for those who want that."""
    tell(project=project, news=[News(users=users, kind=kind, title=title, body=body, url=url)], now=now)


def tell(*, project: Project, news: Sequence[News], now: datetime) -> None:
    """As `notify`, for several pieces of news of one project at once."""
    insert(lines_of(project=project, news=news, now=now))


def lines_of(*, project: Project, news: Sequence[News], now: datetime) -> list[Notification]:
    """As `tell`, but it is the caller who writes the lines of the bells, in the same transaction."""
    lines: list[Notification] = []
    kinds: dict[int, str] = {}
    for one in news:
        for user in one.users:
            if user.notify_by_email and settings.EMAIL_HOST:
                task = "agents.tasks.mail_notification"
                queue.enqueue(task, user_id=user.pk, title=one.title, body=one.body, url=one.url, over=one.over)
            if user.notify_in_app:
                lines.append(_line(user, project, one, now))
                kinds[user.pk] = one.kind
    if kinds:
        transaction.on_commit(functools.partial(_bells.add, kinds))
    return lines


def _ring(kinds: Mapping[int, str]) -> None:
    live.publish_all(
        {live.user_group(user_id): {"notification": kind} for user_id, kind in kinds.items()},
        counts=functools.partial(_unread, list(kinds)),
    )


_bells = Gathering(_ring, name="bells")


def _line(user: User, project: Project, news: News, now: datetime) -> Notification:
    return Notification(
        user=user,
        project=project,
        kind=news.kind,
        title=news.title[:TITLE_CHARS],
        body=news.body[:BODY_CHARS],
        url=news.url,
        created_at=now,
        read_at=now if news.over else None,
    )


def mark_read(*, user: User, ids: Sequence[int] | None, now: datetime) -> int:
    """Marks a person's notifications read, all of them when `ids` is None; returns how many were unread."""
    unread = Notification.objects.of(user.pk).unread()
    if ids is not None:
        unread = unread.filter(pk__in=ids)
    changed = unread.update(read_at=now)
    if changed:
        live.publish_all({live.user_group(user.pk): {"read": changed}}, counts=functools.partial(_unread, [user.pk]))
    return changed


def no_longer_wanted(*, urls: Sequence[str], of: Sequence[int] | None = None, now: datetime) -> int:
    """Marks read what points at pages where nobody is needed any more; returns how many lines it were.

    In everybody's bell, or of those people by id who are not needed there themselves.
    """
    if not urls:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE agents_notification SET read_at = %(now)s WHERE url = ANY(%(urls)s) AND read_at IS NULL"
            " AND (%(of)s::bigint[] IS NULL OR user_id = ANY(%(of)s)) RETURNING user_id",
            {"now": now, "urls": list(urls), "of": None if of is None else list(of)},
        )
        people = [user_id for (user_id,) in cursor.fetchall()]
    if people:
        transaction.on_commit(functools.partial(_read_elsewhere.add, dict.fromkeys(people, True)))
    return len(people)


def _recount(users: Mapping[int, bool]) -> None:
    live.publish_all(
        {live.user_group(user_id): {} for user_id in users}, counts=functools.partial(_unread, list(users))
    )


_read_elsewhere = Gathering(_recount, name="bells-read")


def _unread(user_ids: Sequence[int]) -> dict[str, dict[str, int]]:
    """What each of these people has not read, by their group, up to a number beyond which nobody counts."""
    with connection.cursor() as cursor:
        cursor.execute(UNREAD, {"users": list(user_ids), "cap": selectors.UNREAD_CAP})
        return {live.user_group(user_id): {"unread": unread} for user_id, unread in cursor.fetchall()}
