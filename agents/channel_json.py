"""Channels, rules and deliveries as JSON, in and out. A target goes in and never comes out again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError

from agents.messages import EVENTS
from agents.models import Attempt, Channel, ChannelRule, Delivery, Project, Team
from agents.models.channel import RISKS
from agents.models.user import validate_time_zone
from agents.services.channels import RuleDraft
from console.lib.clock import rfc3339
from console.lib.http import invalid

Json = dict[str, Any]

TARGET_CHARS = 2_000
NAME_CHARS = 100
DIGEST_MINUTES_MAX = 1_440
RISK_NAMES = tuple(level for level, _label in RISKS)
MAKEABLE = tuple(kind.value for kind in Channel.Kind if kind is not Channel.Kind.CALLBACK)


def fields_of(body: Any, allowed: Sequence[str], *, at: str = "") -> Json:
    """The members of a JSON object of which these are known; 422 naming one that is not."""
    if not isinstance(body, dict):
        raise invalid(at or "non_field_errors", "must be an object")
    for name in body:
        if name not in allowed:
            raise invalid(_at(at, str(name)[:100]), "is not a field of this request")
    return body


def text_of(body: Mapping[str, Any], name: str, *, longest: int) -> str:
    """A text that has to be there; 422 naming it otherwise."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest or "\x00" in value:
        raise invalid(name, f"must be text of 1 to {longest} characters")
    return value


def rules_of(body: Mapping[str, Any], project: Project) -> list[RuleDraft] | None:
    """The rules that were sent, None when none were; 422 naming what is wrong, as `rules[0].team`."""
    given = body.get("rules")
    if given is None:
        return None
    if not isinstance(given, list):
        raise invalid("rules", "must be a list of objects")
    return [_rule_of(one, project, f"rules[{place}]") for place, one in enumerate(given)]


def channel_of(channel: Channel, rules: Sequence[ChannelRule], *, failing: bool) -> Json:
    """A channel. `target` says only what may be shown of it."""
    return {
        "id": channel.pk,
        "kind": channel.kind,
        "name": channel.name,
        "target": channel.hint or None,
        "enabled": channel.enabled,
        "stopped": channel.stopped or None,
        "failing": failing,
        "created_at": rfc3339(channel.created_at),
        "rules": [_rule(rule) for rule in rules],
    }


def delivery_of(delivery: Delivery, *, attempts: Iterable[Attempt] | None = None) -> Json:
    """A delivery that was read with its event; one alone with its attempts and what is told."""
    event = delivery.event
    document: Json = {
        "id": delivery.pk,
        "channel": delivery.channel_id,
        "message_id": f"msg_{event.uid.hex}",
        "type": event.type,
        "title": event.title,
        "at": rfc3339(event.at),
        "status": delivery.status,
        "tries": delivery.tries,
        "error": delivery.error or None,
        "next_attempt_at": rfc3339(delivery.due_at) if delivery.status == Delivery.Status.PENDING else None,
        "finished_at": rfc3339(delivery.finished_at) if delivery.finished_at else None,
    }
    if attempts is not None:
        document["attempts"] = [_attempt(one) for one in attempts]
        document["data"] = event.told
    return document


def _rule_of(body: Any, project: Project, at: str) -> RuleDraft:
    fields = fields_of(body, tuple(RuleDraft.__dataclass_fields__), at=at)
    found: Json = {}
    events = fields.get("events", [])
    if not isinstance(events, list) or not all(isinstance(one, str) and one in EVENTS for one in events):
        raise invalid(_at(at, "events"), f"must be a list of {', '.join(EVENTS)}")
    found["events"] = tuple(dict.fromkeys(events))
    found["min_risk"] = fields.get("min_risk", "low")
    if found["min_risk"] not in RISK_NAMES:
        raise invalid(_at(at, "min_risk"), f"must be one of {', '.join(RISK_NAMES)}")
    found["digest_minutes"] = fields.get("digest_minutes", 0)
    if type(found["digest_minutes"]) is not int or not 0 <= found["digest_minutes"] <= DIGEST_MINUTES_MAX:
        raise invalid(_at(at, "digest_minutes"), f"must be a whole number from 0 to {DIGEST_MINUTES_MAX}")
    found["time_zone"] = fields.get("time_zone", "UTC")
    try:
        validate_time_zone(found["time_zone"] if isinstance(found["time_zone"], str) else "")
    except ValidationError:
        raise invalid(_at(at, "time_zone"), "must be the name of a time zone, as Europe/Berlin") from None
    found |= {name: _time_of(fields.get(name), _at(at, name)) for name in ("quiet_from", "quiet_until")}
    return RuleDraft(team=_team_of(fields.get("team"), project, _at(at, "team")), **found)


def _team_of(slug: Any, project: Project, at: str) -> Team | None:
    if slug is None:
        return None
    found = Team.objects.open().filter(project=project, slug=slug).first() if isinstance(slug, str) else None
    if found is None:
        raise invalid(at, "is not a team of this project")
    return found


def _time_of(value: Any, at: str) -> time | None:
    if value is None:
        return None
    try:
        found = time.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is not None or found.second or found.microsecond:
        raise invalid(at, "must be a time of day, as 22:00")
    return found


def _rule(rule: ChannelRule) -> Json:
    return {
        "events": rule.events,
        "min_risk": rule.min_risk,
        "team": rule.team.slug if rule.team else None,
        "quiet_from": f"{rule.quiet_from:%H:%M}" if rule.quiet_from else None,
        "quiet_until": f"{rule.quiet_until:%H:%M}" if rule.quiet_until else None,
        "time_zone": rule.time_zone,
        "digest_minutes": rule.digest_minutes,
    }


def _attempt(attempt: Attempt) -> Json:
    return {
        "at": rfc3339(attempt.at),
        "took_ms": attempt.took_ms,
        "succeeded": attempt.succeeded,
        "code": attempt.code,
        "detail": attempt.detail or None,
    }


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
