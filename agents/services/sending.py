"""From rows to what transports take: the message of an event, and the transport of a channel."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from agents.messages import Link, Message
from agents.models import Channel, Delivery, Notification, OutboxEvent
from agents.rosters import roster_of
from agents.services import outbox
from agents.services.notify import News, tell
from agents.transports.apprise import Apprise
from agents.transports.base import Report, Transport
from agents.transports.email import Email
from agents.transports.webhook import Webhook
from console.lib import outbound

Parcel = Sequence[Delivery]
"""Deliveries that go in one message."""


class Bell:
    """The bells and desktops of those who can act: whom it is for by what was last told of the same page.

    Those who were told directly are not told again. What has come to its end is put there as read: nobody has to act.
    """

    def __init__(self, parcel: Parcel) -> None:
        self._parcel = parcel

    def send(self, messages: Sequence[Message], *, now: datetime) -> Report:
        events = [delivery.event for delivery in self._parcel if not delivery.event.rung]
        ended = outbox.ended(paths={event.path for event in events})
        rosters = {key: roster_of(key, now=now) for key in {event.project_id for event in events}}
        for event in events:
            last = OutboxEvent.objects.filter(path=event.path).order_by("-pk").first() or event
            people = rosters[event.project_id].asked(
                person_id=last.person_id, team_id=last.team_id, without=last.without
            )
            known = Notification.objects.filter(url=event.path, kind=event.type, read_at__isnull=True)
            told = set(known.values_list("user_id", flat=True))
            news = News(
                users=[person for person in people if person.pk not in told],
                kind=event.type,
                title=event.title,
                body=event.body,
                url=event.path,
                over=event.path in ended,
            )
            tell(project=event.project, news=[news], now=now)
        return Report(True)


@contextmanager
def transport_of(channel: Channel, *, now: datetime) -> Iterator[Callable[[Parcel], Transport]]:
    """What makes the transport for each parcel of a channel; connections stay open meanwhile."""
    kind = Channel.Kind(channel.kind)
    page = Link(_("Open"), settings.PUBLIC_URL + reverse("home"))
    if kind is Channel.Kind.EMAIL:
        email = Email(channel.target.split(), page=page)
        yield lambda parcel: email
    elif kind is Channel.Kind.APPRISE:
        apprise = Apprise(channel.target, page=page)
        yield lambda parcel: apprise
    elif kind is Channel.Kind.BROWSER:
        yield Bell
    else:
        secrets = signing_secrets(channel, now)
        with outbound.Client() as client:
            yield lambda parcel: Webhook(channel.target or parcel[0].event.callback_url, secrets=secrets, client=client)


def signing_secrets(channel: Channel, now: datetime) -> list[str]:
    """What signs now: the secret, and for a while after a rotation the one before."""
    old = channel.old_secret if channel.old_secret_until and channel.old_secret_until > now else ""
    return [secret for secret in (channel.secret, old) if secret]


def message_of(event: OutboxEvent) -> Message:
    """An event as transports take it. The first link opens what it is about."""
    actions = [Link(one["label"], settings.PUBLIC_URL + one["path"]) for one in event.actions]
    return Message(
        uid=f"msg_{event.uid.hex}",
        type=event.type,
        at=event.at,
        title=event.title,
        body=event.body,
        links=(Link(_("Open"), settings.PUBLIC_URL + event.path), *actions),
        data=event.told,
    )
