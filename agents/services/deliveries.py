"""Sending what is due: endpoint by endpoint, each leased as a whole, so that one that hangs holds up nobody else.

A lease is taken and given back in short transactions; nothing is locked while the other side is being talked to.
Whoever dies in between leaves a lease that runs out: the messages are then sent again, with the same id, rather than
lost.
"""

import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext as _

from agents import selectors
from agents.authentication import Caller
from agents.models import Attempt, Channel, Delivery, Endpoint, User
from agents.permissions import Permission
from agents.schedules import BREAKS_AFTER, GIVE_UP_AFTER, open_for, retry_at
from agents.services import audit, outbox, routing
from agents.services.notify import notify
from agents.services.sending import message_of, transport_of
from agents.transports.base import Report, Transport

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=120)
BATCH_SECONDS = 5.0
"""A lease starts nothing new after so long; the last exchange may take half a minute more."""

PARCELS = 50
READ = 500
"""So many deliveries are looked at in one lease: a digest holds no more."""

GONE = "the other side answered 410 Gone: it wants nothing more"


@dataclass(frozen=True)
class Lease:
    """An endpoint to be sent to now. What goes in one message is one parcel."""

    endpoint: Endpoint
    channel: Channel
    parcels: tuple[tuple[Delivery, ...], ...]


@dataclass(frozen=True)
class Tried:
    """One attempt at a parcel."""

    parcel: tuple[Delivery, ...]
    report: Report
    at: datetime
    took_ms: int


def send_due(*, now: datetime, limit: int = 16) -> int:
    """Sends what is due at up to `limit` endpoints, one after the other; returns how many attempts were made."""
    attempts = 0
    for lease in lease_due(now=now, limit=limit):
        tried = attempt(lease, now=now)
        settle(lease=lease, tried=tried, now=now)
        attempts += len(tried)
    return attempts


@transaction.atomic
def lease_due(*, now: datetime, limit: int) -> list[Lease]:
    """Leases up to `limit` endpoints at which something is due and that no other worker is at.

    What has waited too long at an endpoint that fails is given up here; what waited only because no worker ran is not.
    """
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    due = Endpoint.objects.filter(free, wake_at__lte=now).order_by("wake_at").select_related("channel")
    endpoints = list(due.select_for_update(skip_locked=True, of=("self",))[:limit])
    Endpoint.objects.filter(pk__in=[endpoint.pk for endpoint in endpoints]).update(leased_until=now + LEASE)
    return [Lease(endpoint, endpoint.channel, _parcels(endpoint, now)) for endpoint in endpoints]


def attempt(lease: Lease, *, now: datetime) -> list[Tried]:
    """Sends the parcels of a lease, in order, until too many fail or its time is up. Never raises.

    Only a browser's channel touches the database meanwhile: its messages are rows.
    """
    tried: list[Tried] = []
    failures, began = lease.endpoint.failures, time.monotonic()
    with ExitStack() as opened:
        transport: Callable[[Sequence[Delivery]], Transport] | None = None
        for parcel in lease.parcels:
            start = time.monotonic()
            at = now + timedelta(seconds=start - began)
            try:
                transport = transport or opened.enter_context(transport_of(lease.channel, now=now))
                report = transport(parcel).send([message_of(delivery.event) for delivery in parcel], now=at)
            except Exception as error:
                # Written down and tried again as any other failure: a lease that is never settled comes back for ever.
                logger.exception("delivery_broke", extra={"channel": lease.channel.pk})
                report = Report(False, detail=f"sending it failed: {type(error).__name__}")
            tried.append(Tried(parcel, report, at, round((time.monotonic() - start) * 1000)))
            failures = 0 if report.delivered else failures + 1
            if report.gone or failures >= BREAKS_AFTER or time.monotonic() - began > BATCH_SECONDS:
                break
    return tried


@transaction.atomic
def settle(*, lease: Lease, tried: Sequence[Tried], now: datetime) -> None:
    """Writes down what came of a lease and gives the endpoint back."""
    endpoint = Endpoint.objects.select_for_update().get(pk=lease.endpoint.pk)
    for one in tried:
        endpoint.failures = 0 if one.report.delivered else endpoint.failures + 1
        _write(one, random.random)  # spreads retries; nothing depends on its quality
    rest = open_for(endpoint.failures)
    endpoint.open_until = now + rest if rest else None
    if tried and tried[-1].report.gone and lease.channel.kind == Channel.Kind.WEBHOOK:
        _stop(lease.channel, endpoint, now)
    endpoint.leased_until = None
    endpoint.wake_at = _next_due(endpoint)
    endpoint.save(update_fields=["failures", "open_until", "leased_until", "wake_at"])


@transaction.atomic
def replay(*, deliveries: Collection[Delivery], by: Caller | User, now: datetime) -> int:
    """Sends finished deliveries once more, and again over a day; returns how many.

    The message and its id stay what they were, so a receiver can tell. Raises ValidationError while the channel is off.
    """
    for channel in {delivery.channel for delivery in deliveries}:
        if not channel.enabled or channel.removed_at is not None:
            raise ValidationError(_("The channel %(name)s is off: switch it on first.") % {"name": channel.name})
    changed = 0
    for delivery in sorted(deliveries, key=lambda delivery: delivery.pk):
        finished = Delivery.objects.filter(pk=delivery.pk).exclude(status=Delivery.Status.PENDING)
        changed += finished.update(
            status=Delivery.Status.PENDING, due_at=now, gives_up_at=now + GIVE_UP_AFTER, tries=0, finished_at=None
        )
    for delivery in deliveries:
        target, detail = f"delivery {delivery.pk}", {"channel": delivery.channel.name}
        audit.record(project=delivery.project, by=by, action="delivery.replay", target=target, detail=detail, now=now)
    # Somebody is looking: an open circuit does not keep them waiting.
    keys = sorted({delivery.endpoint_id for delivery in deliveries})
    Endpoint.objects.filter(pk__in=keys).update(open_until=None)
    routing.wake(moments=dict.fromkeys(keys, now))
    transaction.on_commit(outbox.wake)
    return changed


def _parcels(endpoint: Endpoint, now: datetime) -> tuple[tuple[Delivery, ...], ...]:
    due = Delivery.objects.pending().filter(endpoint=endpoint, due_at__lte=now).order_by("due_at", "pk")
    rows = list(due.select_related("event__project")[:READ])
    over = {row.pk for row in rows if row.gives_up_at <= now and (row.tries or endpoint.failures)}
    if over:
        Delivery.objects.filter(pk__in=over).update(status=Delivery.Status.FAILED, finished_at=now)
    over |= _dropped(endpoint.channel, [row for row in rows if row.pk not in over], now)
    parcels: dict[tuple[str, int], list[Delivery]] = {}
    for row in rows:
        if row.pk not in over:
            key = ("digest", row.digest_id) if row.digest_id else ("one", row.pk)
            parcels.setdefault(key, []).append(row)
    return tuple(tuple(parcel) for parcel in parcels.values())[:PARCELS]


def _dropped(channel: Channel, rows: Sequence[Delivery], now: datetime) -> set[int]:
    """The deliveries to people that say what is no longer true; programs are told everything that happened, in order.

    Only what was waited for can be over: a digest, quiet hours or an endpoint that fails take their time.
    """
    if channel.kind in (Channel.Kind.WEBHOOK, Channel.Kind.CALLBACK):
        return set()
    ended = outbox.ended(paths={row.event.path for row in rows if not row.event.ends})
    gone = {
        row.pk
        for row in rows
        if (row.event.until and row.event.until <= now)
        or (not row.event.ends and ended.get(row.event.path, 0) > row.event_id)
    }
    if gone:
        Delivery.objects.filter(pk__in=gone).update(status=Delivery.Status.DROPPED, finished_at=now, error="")
    return gone


def _write(one: Tried, jitter: Callable[[], float]) -> None:
    report, finished = one.report, {"error": one.report.detail, "finished_at": one.at, "tries": F("tries") + 1}
    retried: dict[datetime, list[int]] = {}
    ended: list[int] = []
    for delivery in one.parcel:
        again = retry_at(one.at, tries=delivery.tries + 1, asked_for=report.retry_after, jitter=jitter())
        if report.delivered or report.gone or again is None or again >= delivery.gives_up_at:
            ended.append(delivery.pk)
        else:
            retried.setdefault(again, []).append(delivery.pk)
    status = Delivery.Status.DELIVERED if report.delivered else Delivery.Status.FAILED
    Delivery.objects.pending().filter(pk__in=ended).update(status=status, **finished)
    for again, ids in retried.items():
        changes = {"due_at": again, "error": report.detail, "tries": F("tries") + 1}
        Delivery.objects.pending().filter(pk__in=ids).update(**changes)
    Attempt.objects.bulk_create(
        Attempt(
            delivery=delivery,
            at=one.at,
            took_ms=one.took_ms,
            succeeded=report.delivered,
            code=report.code,
            detail=report.detail,
        )
        for delivery in one.parcel
    )


def _stop(channel: Channel, endpoint: Endpoint, now: datetime) -> None:
    """Switches a channel off whose other side wants nothing more, and tells those who can do something about it."""
    Channel.objects.filter(pk=channel.pk).update(enabled=False, stopped=GONE)
    Delivery.objects.pending().filter(endpoint=endpoint).update(
        status=Delivery.Status.FAILED, error=GONE, finished_at=now
    )
    project, name = channel.project, f"channel {channel.name}"
    audit.record(project=project, by=None, action="channel.stop", target=name, detail={"why": GONE}, now=now)
    notify(
        users=selectors.members_with(project.pk, Permission.CHANNEL_MANAGE),
        project=project,
        kind="channel.stopped",
        title=_("The webhook %(name)s is switched off") % {"name": channel.name},
        body=_("Its other side answered 410 Gone."),
        url=reverse("agents:channel", kwargs={"project": project.slug, "channel": channel.pk}),
        now=now,
    )


def _next_due(endpoint: Endpoint) -> datetime | None:
    """When the endpoint has to be looked at again; None when nothing waits, or the channel is off."""
    if not Channel.objects.active().filter(pk=endpoint.channel_id).exists():
        return None
    waiting = Delivery.objects.pending().filter(endpoint=endpoint).order_by("due_at")
    first = waiting.values_list("due_at", flat=True).first()
    if first is None or endpoint.open_until is None:
        return first
    return max(first, endpoint.open_until)
