"""Channels and their rules: made, changed, switched and removed. Targets and secrets never reach the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import httpx2
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.authentication import Caller
from agents.messages import EVENTS, TEST
from agents.models import Channel, ChannelRule, Endpoint, OutboxEvent, Project, Team, User
from agents.services import audit, outbox, routing
from agents.transports.apprise import NotAService, service_of
from agents.transports.webhook import new_secret
from console.lib import outbound
from console.lib.addresses import Refused

Actor = Caller | User

CHANNELS_MAX = 50
RULES_MAX = 20
ADDRESSES_MAX = 20
OLD_SECRET_SIGNS = timedelta(days=1)
"""For so long after a rotation both secrets sign: the other side has that much time to learn the new one."""

WANTED = ("approval.requested", "approval.escalated", "approval.reminded")
"""What a channel for people begins with: what somebody has to do something about. A webhook begins with everything."""


@dataclass(frozen=True, kw_only=True)
class RuleDraft:
    """What a rule is to say. No events means all of them."""

    events: Sequence[str] = ()
    min_risk: str = "low"
    team: Team | None = None
    quiet_from: time | None = None
    quiet_until: time | None = None
    time_zone: str = "UTC"
    digest_minutes: int = 0


@transaction.atomic
def create(
    *,
    project: Project,
    kind: str,
    name: str,
    target: str,
    by: Actor,
    now: datetime,
    rules: Sequence[RuleDraft] | None = None,
) -> Channel:
    """A new channel with its rules, or with the one that its kind begins with. Raises ValidationError by field."""
    if Channel.objects.kept().filter(project=project).count() >= CHANNELS_MAX:
        raise ValidationError(_("A project has at most %(max)d channels.") % {"max": CHANNELS_MAX})
    kind, person = Channel.Kind(kind), by if isinstance(by, User) else by.user
    cleaned, hint = clean_target(kind, target)
    channel = Channel.objects.create(
        project=project,
        name=_clean_name(name),
        kind=kind,
        target=cleaned,
        hint=hint,
        secret=new_secret() if kind is Channel.Kind.WEBHOOK else "",
        created_by=person,
        created_at=now,
    )
    first = RuleDraft(events=() if kind is Channel.Kind.WEBHOOK else WANTED, time_zone=person.zone if person else "UTC")
    _write_rules(channel, [first] if rules is None else rules, now)
    _record("channel.create", channel, by, now, {"kind": kind.value, "target": hint})
    return channel


@transaction.atomic
def change(*, channel: Channel, name: str, target: str, by: Actor, now: datetime) -> Channel:
    """Renames a channel; a `target` that is not empty replaces the one it had. Raises ValidationError by field."""
    row = _lock(channel)
    row.name = _clean_name(name)
    detail: dict[str, Any] = {"name": row.name}
    if target.strip():
        row.target, row.hint = clean_target(Channel.Kind(row.kind), target)
        detail["target"] = row.hint
    row.save(update_fields=["name", "target", "hint"])
    _record("channel.change", row, by, now, detail)
    return row


@transaction.atomic
def switch(*, channel: Channel, enabled: bool, by: Actor, now: datetime) -> bool:
    """Switches a channel on or off; False when it was already. What waits goes out as soon as it is on again."""
    changed = Channel.objects.kept().filter(pk=channel.pk).exclude(enabled=enabled)
    if not changed.update(enabled=enabled, stopped=""):
        return False
    if enabled:
        Endpoint.objects.filter(channel=channel).update(failures=0, open_until=None)
        keys = Endpoint.objects.filter(channel=channel).values_list("pk", flat=True)
        routing.wake(moments=dict.fromkeys(keys, now))
        transaction.on_commit(outbox.wake)
    else:
        Endpoint.objects.filter(channel=channel).update(wake_at=None)
    _record("channel.enable" if enabled else "channel.disable", channel, by, now, {})
    return True


@transaction.atomic
def remove(*, channel: Channel, by: Actor, now: datetime) -> bool:
    """Ends a channel and forgets its target and secrets; its deliveries stay. False when it was removed before."""
    row = _lock(channel)
    if row.removed_at is not None or row.kind == Channel.Kind.CALLBACK:
        return False
    row.removed_at, row.enabled = now, False
    row.target = row.secret = row.old_secret = ""
    row.save(update_fields=["removed_at", "enabled", "target", "secret", "old_secret"])
    Endpoint.objects.filter(channel=row).update(wake_at=None)
    _record("channel.remove", row, by, now, {})
    return True


@transaction.atomic
def rotate_secret(*, channel: Channel, by: Actor, now: datetime) -> Channel:
    """A new signing secret; the one before goes on signing beside it for a day."""
    row = _lock(channel)
    row.secret, row.old_secret, row.old_secret_until = new_secret(), row.secret, now + OLD_SECRET_SIGNS
    row.save(update_fields=["secret", "old_secret", "old_secret_until"])
    _record("channel.rotate_secret", row, by, now, {"old_until": row.old_secret_until.isoformat()})
    return row


@transaction.atomic
def send_test(*, channel: Channel, by: Actor, now: datetime) -> OutboxEvent:
    """A message that says only that the channel works; its delivery is a row like any other."""
    project = channel.project
    event = OutboxEvent.objects.create(
        project=project,
        type=TEST,
        at=now,
        title=_("Test of the channel %(name)s") % {"name": channel.name},
        body=_("%(person)s sent this to see whether it arrives.")
        % {"person": by.display_name if isinstance(by, User) else by.label},
        path=reverse("agents:channel", kwargs={"project": project.slug, "channel": channel.pk}),
        data={"channel": channel.name, "project": project.slug},
        routed_at=now,
    )
    routing.deliver(ways=[routing.Way(event, channel.pk, "", now, None)], now=now)
    _record("channel.test", channel, by, now, {})
    transaction.on_commit(outbox.wake)
    return event


@transaction.atomic
def set_rules(*, channel: Channel, drafts: Sequence[RuleDraft], by: Actor, now: datetime) -> None:
    """Puts these rules in the place of those that the channel has. Raises ValidationError by field."""
    row = _lock(channel)
    row.rules.all().delete()
    _write_rules(row, drafts, now)
    _record("channel.rules_set", row, by, now, {"rules": [_told(draft) for draft in drafts]})


@transaction.atomic
def add_rule(*, channel: Channel, draft: RuleDraft, by: Actor, now: datetime) -> ChannelRule:
    """One more rule. Raises ValidationError by field."""
    if channel.rules.count() >= RULES_MAX:
        raise ValidationError(_("A channel has at most %(max)d rules.") % {"max": RULES_MAX})
    rule = ChannelRule.objects.create(channel=channel, created_at=now, **_columns(channel, draft))
    _record("channel.rule_add", channel, by, now, _told(draft))
    return rule


@transaction.atomic
def change_rule(*, rule: ChannelRule, draft: RuleDraft, by: Actor, now: datetime) -> None:
    """Makes a rule say something else, for events from now on. Raises ValidationError by field."""
    ChannelRule.objects.filter(pk=rule.pk).update(**_columns(rule.channel, draft))
    _record("channel.rule_change", rule.channel, by, now, _told(draft))


@transaction.atomic
def remove_rule(*, rule: ChannelRule, by: Actor, now: datetime) -> None:
    """Takes a rule away; what it already sent on stays on its way."""
    channel = rule.channel
    rule.delete()
    _record("channel.rule_remove", channel, by, now, {})


def clean_target(kind: Channel.Kind, target: str) -> tuple[str, str]:
    """The target as it is kept and what may be shown of it. Raises ValidationError naming `target`."""
    target = target.strip()
    try:
        if kind is Channel.Kind.EMAIL:
            return _clean_addresses(target)
        if kind is Channel.Kind.WEBHOOK:
            outbound.check_url(target)
            return target, httpx2.URL(target).host
        if kind is Channel.Kind.APPRISE:
            return target, service_of(target)
    except (Refused, NotAService) as error:
        raise ValidationError({"target": _("This cannot be used: %(why)s.") % {"why": error}}) from None
    return "", ""


def _clean_addresses(text: str) -> tuple[str, str]:
    found = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
    if not settings.EMAIL_HOST:
        raise ValidationError({"target": _("This console has no mail server: EMAIL_HOST is not set.")})
    if not found or len(found) > ADDRESSES_MAX:
        raise ValidationError({"target": _("Give one to %(max)d addresses.") % {"max": ADDRESSES_MAX}})
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            message = _("“%(address)s” is not an e-mail address.") % {"address": address[:80]}
            raise ValidationError({"target": message}) from None
    count = len(found)
    hint = found[0] if count == 1 else ngettext("%(count)d address", "%(count)d addresses", count) % {"count": count}
    return "\n".join(found), hint


def _columns(channel: Channel, draft: RuleDraft) -> dict[str, Any]:
    unknown = [event for event in draft.events if event not in EVENTS]
    if unknown:
        raise ValidationError({"events": _("There is no event “%(name)s”.") % {"name": unknown[0][:40]}})
    if (draft.quiet_from is None) != (draft.quiet_until is None) or (
        draft.quiet_from is not None and draft.quiet_from == draft.quiet_until
    ):
        raise ValidationError({"quiet_until": _("Quiet hours need a beginning and another end.")})
    if draft.team is not None and draft.team.project_id != channel.project_id:
        raise ValidationError({"team": _("There is no such team in this project.")})
    columns = {name: getattr(draft, name) for name in RuleDraft.__dataclass_fields__}
    if channel.kind == Channel.Kind.WEBHOOK:
        columns |= {"quiet_from": None, "quiet_until": None, "digest_minutes": 0}  # programs do not sleep
    return columns | {"events": list(draft.events)}


def _write_rules(channel: Channel, drafts: Sequence[RuleDraft], now: datetime) -> None:
    if len(drafts) > RULES_MAX:
        raise ValidationError({"rules": _("A channel has at most %(max)d rules.") % {"max": RULES_MAX}})
    ChannelRule.objects.bulk_create(
        ChannelRule(channel=channel, created_at=now, **_columns(channel, draft)) for draft in drafts
    )


def _told(draft: RuleDraft) -> dict[str, Any]:
    quiet = f"{draft.quiet_from:%H:%M} to {draft.quiet_until:%H:%M}" if draft.quiet_from and draft.quiet_until else ""
    return {
        "events": list(draft.events),
        "min_risk": draft.min_risk,
        "team": draft.team.name if draft.team else "",
        "quiet_hours": quiet,
        "digest_minutes": draft.digest_minutes or None,
    }


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 100:
        raise ValidationError({"name": _("Give the channel a name of at most 100 characters.")})
    return cleaned


def _lock(channel: Channel) -> Channel:
    found = Channel.objects.select_for_update().get(pk=channel.pk)
    assert isinstance(found, Channel)
    return found


def _record(action: str, channel: Channel, by: Actor, now: datetime, detail: dict[str, Any]) -> None:
    audit.record(
        project=channel.project, by=by, action=action, target=f"channel {channel.name}", detail=detail, now=now
    )
