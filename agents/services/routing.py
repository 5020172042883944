"""Which channels an event goes through, and when: from the outbox to deliveries."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction

from agents.messages import FOR_PROGRAMS
from agents.models import Channel, ChannelRule, Delivery, Endpoint, OutboxEvent
from agents.models.channel import RISKS
from agents.schedules import GIVE_UP_AFTER, due_at
from agents.services import audit
from agents.services.notify import no_longer_wanted
from agents.transports.webhook import new_secret
from console.lib import outbound
from console.lib.addresses import Refused

logger = logging.getLogger(__name__)

BATCH = 500
LEVELS = [level for level, _label in RISKS]
URGENT = "critical"
"""What nobody should hear of only when the quiet hours or a digest are over."""

# One statement for all endpoints of a batch, in one order so that nobody waits in a circle.
WAKE = """
    WITH due AS (SELECT * FROM unnest(%(endpoints)s::bigint[], %(moments)s::timestamptz[]) AS due (id, at)),
         locked AS (SELECT endpoint.id FROM agents_endpoint AS endpoint JOIN due USING (id)
                     ORDER BY endpoint.id FOR UPDATE OF endpoint)
    UPDATE agents_endpoint AS endpoint
       SET wake_at = least(endpoint.wake_at, greatest(due.at, endpoint.open_until))
      FROM due JOIN locked USING (id)
     WHERE endpoint.id = due.id
"""


@dataclass(frozen=True)
class Way:
    """One event's way through one channel. `digest` is the rule that gathers it with others, if one does."""

    event: OutboxEvent
    channel_id: int
    origin: str
    due_at: datetime
    digest: ChannelRule | None


def route(*, now: datetime, limit: int = BATCH) -> int:
    """Writes the deliveries of up to `limit` events, the oldest first; returns how many events there were.

    Events that another worker holds are passed over, so workers share them and none is routed twice. One that cannot be
    routed is set aside: it must not keep those of everybody else waiting.
    """
    try:
        with transaction.atomic():
            events = _waiting(limit)
            _route(events, now)
            return len(events)
    except OperationalError:  # the database, not an event: the next run tries again
        raise
    except Exception:
        logger.warning("outbox_batch_unroutable", exc_info=True)
        return _route_one_by_one(now, limit)


@transaction.atomic
def _route_one_by_one(now: datetime, limit: int) -> int:
    events = _waiting(limit)
    for event in events:
        try:
            with transaction.atomic():
                _route([event], now)
        except OperationalError:
            raise
        except Exception as error:
            logger.exception("outbox_event_unroutable", extra={"event": str(event.uid)})
            OutboxEvent.objects.filter(pk=event.pk).update(routed_at=now)
            _set_aside(event, f"it could not be routed: {type(error).__name__}", now)
    return len(events)


def _set_aside(event: OutboxEvent, why: str, now: datetime) -> None:
    """Shows an event that could not be routed: as a failed delivery of each channel that it may have been meant for,
    from where it can be sent again, and in the audit log."""
    target, detail = f"event {event.uid}", {"type": event.type, "why": why}
    audit.record(project=event.project, by=None, action="event.unroutable", target=target, detail=detail, now=now)
    rules = _rules_of({event.project_id}).get(event.project_id, ())
    endpoints = _endpoints({(rule.channel_id, "") for rule in rules if _may_match(rule, event)})
    Delivery.objects.bulk_create(
        [
            Delivery(
                project_id=event.project_id,
                event=event,
                channel_id=channel_id,
                endpoint_id=endpoint_id,
                status=Delivery.Status.FAILED,
                due_at=now,
                gives_up_at=now,
                error=why,
                created_at=now,
                finished_at=now,
            )
            for (channel_id, _origin), endpoint_id in endpoints.items()
        ],
        ignore_conflicts=True,
    )


def _may_match(rule: ChannelRule, event: OutboxEvent) -> bool:
    try:
        return matches(rule, event)
    except Exception:  # perhaps the very reason for which it could not be routed
        return True


def _waiting(limit: int) -> list[OutboxEvent]:
    waiting = OutboxEvent.objects.filter(routed_at__isnull=True).order_by("pk")
    return list(waiting.select_for_update(skip_locked=True)[:limit])


def _route(events: Sequence[OutboxEvent], now: datetime) -> None:
    if not events:
        return
    rules = _rules_of({event.project_id for event in events})
    ways = [way for event in events for way in ways_of(event, rules.get(event.project_id, ()), now)]
    callbacks = _callback_channels({event.project_id for event in events if event.callback_url}, now)
    ways += [
        Way(event, channel.pk, origin_of(event.callback_url), now, None)
        for event in events
        if event.callback_url and (channel := callbacks[event.project_id]).enabled
    ]
    deliver(ways=ways, now=now)
    no_longer_wanted(urls=[event.path for event in events if event.ends], now=now)
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(routed_at=now)


def deliver(*, ways: Sequence[Way], now: datetime) -> None:
    """Writes the deliveries of some ways and wakes their endpoints. An event that went through a channel stays."""
    if not ways:
        return
    endpoints = _endpoints({(way.channel_id, way.origin) for way in ways})
    Delivery.objects.bulk_create(
        [
            Delivery(
                project_id=way.event.project_id,
                event=way.event,
                channel_id=way.channel_id,
                endpoint_id=endpoints[way.channel_id, way.origin],
                digest=way.digest,
                due_at=way.due_at,
                gives_up_at=way.due_at + GIVE_UP_AFTER,
                created_at=now,
            )
            for way in ways
        ],
        ignore_conflicts=True,
    )
    first: dict[int, datetime] = {}
    for way in ways:
        key = endpoints[way.channel_id, way.origin]
        first[key] = min(way.due_at, first.get(key, way.due_at))
    wake(moments=first)


def wake(*, moments: Mapping[int, datetime]) -> None:
    """Has endpoints looked at by those moments, or as soon as their circuit lets them."""
    with connection.cursor() as cursor:
        cursor.execute(WAKE, {"endpoints": list(moments), "moments": list(moments.values())})


def ways_of(event: OutboxEvent, rules: Iterable[ChannelRule], now: datetime) -> list[Way]:
    """The event's ways by rule: through each channel once, by the rule that sends it soonest."""
    best: dict[int, Way] = {}
    for rule in rules:
        if not matches(rule, event):
            continue
        gathered = bool(rule.digest_minutes or rule.quiet_from) and rule.channel.kind != Channel.Kind.WEBHOOK
        moment = due_at(
            now,
            urgent=event.risk == URGENT or not gathered,
            digest_minutes=rule.digest_minutes,
            quiet_from=rule.quiet_from,
            quiet_until=rule.quiet_until,
            time_zone=rule.time_zone,
        )
        way = Way(event, rule.channel_id, "", moment, rule if moment > now else None)
        known = best.get(rule.channel_id)
        if known is None or way.due_at < known.due_at:
            best[rule.channel_id] = way
    return list(best.values())


def matches(rule: ChannelRule, event: OutboxEvent) -> bool:
    """Whether the rule is about such an event."""
    everything = not rule.events and (event.type not in FOR_PROGRAMS or rule.channel.kind == Channel.Kind.WEBHOOK)
    return (
        (everything or event.type in rule.events)
        and LEVELS.index(event.risk) >= LEVELS.index(rule.min_risk)
        and (rule.team_id is None or rule.team_id == event.team_id)
    )


def origin_of(url: str) -> str:
    """`scheme://host:port` of an address, or as much of it as can be read: callbacks to one host share a circuit."""
    try:
        parsed = outbound.parsed_url(url)
    except Refused:
        return url[:300]
    port = f":{parsed.port}" if parsed.port else ""
    return f"{parsed.scheme}://{parsed.raw_host.decode('ascii')}{port}"[:300]


def callback_channel(*, project_id: int, now: datetime) -> Channel:
    """The channel that tells a project's agents at the addresses they gave; made when it is first needed."""
    return _callback_channels({project_id}, now)[project_id]


def _callback_channels(project_ids: set[int], now: datetime) -> dict[int, Channel]:
    found = Channel.objects.filter(kind=Channel.Kind.CALLBACK, project_id__in=project_ids)
    channels = {channel.project_id: channel for channel in found} if project_ids else {}
    for project_id in sorted(project_ids - set(channels)):
        channels[project_id], _made = Channel.objects.get_or_create(
            project_id=project_id,
            kind=Channel.Kind.CALLBACK,
            defaults={"name": "Callbacks", "secret": new_secret(), "created_at": now},
        )
    return channels


def _rules_of(project_ids: set[int]) -> dict[int, list[ChannelRule]]:
    active = Channel.objects.active().filter(project_id__in=project_ids)
    rules: dict[int, list[ChannelRule]] = defaultdict(list)
    for rule in ChannelRule.objects.filter(channel__in=active).select_related("channel").order_by("pk"):
        rules[rule.channel.project_id].append(rule)
    return rules


def _endpoints(keys: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The ids of endpoints by (channel, origin); those that are missing are made."""
    found = _find_endpoints(keys)
    missing = sorted(keys - set(found))
    if missing:
        Endpoint.objects.bulk_create(
            [Endpoint(channel_id=channel_id, origin=origin) for channel_id, origin in missing], ignore_conflicts=True
        )
        found = _find_endpoints(keys)
    return found


def _find_endpoints(keys: set[tuple[int, str]]) -> dict[tuple[int, str], int]:
    rows = Endpoint.objects.filter(
        channel_id__in={channel_id for channel_id, _origin in keys}, origin__in={origin for _id, origin in keys}
    )
    return {(row.channel_id, row.origin): row.pk for row in rows}
