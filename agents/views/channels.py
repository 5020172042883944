"""Channels: where a project's news go. Whoever manages them sees their secrets; nobody sees an Apprise URL again."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents import selectors
from agents.access import page_project
from agents.channel_forms import DIGESTS, ChannelForm, RuleForm
from agents.messages import EVENTS
from agents.models import Channel, ChannelRule, Delivery, Project
from agents.permissions import Permission
from agents.services import channels as services
from agents.views.person import person
from console.lib import clock

LATEST = 8

KINDS = {
    Channel.Kind.WEBHOOK: (
        "webhook",
        gettext_lazy("A program of yours is told of every transition, in Standard Webhooks form."),
    ),
    Channel.Kind.APPRISE: (
        "message-square",
        gettext_lazy("Slack, Teams, PagerDuty, Telegram, SMS: whatever Apprise knows."),
    ),
    Channel.Kind.EMAIL: ("mail", gettext_lazy("A mailbox, a list, an on-call address.")),
    Channel.Kind.BROWSER: ("bell", gettext_lazy("The bells and desktops of those who can decide.")),
}
"""Of each kind that can be made: its icon and what it is for."""


@require_safe
def channels(request: HttpRequest, project: str) -> HttpResponse:
    """Every channel with its state and its rules in words."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    listed = list(selectors.channels_of(found, clock.now()))
    failed = selectors.failed_deliveries(listed)
    rows = [
        {"channel": one, "rules": [rule_words(rule) for rule in one.rules.all()], "failed": failed[one.pk]}
        for one in listed
    ]
    context = {"failed_cap": selectors.FAILED_CAP, "rows": rows, "kinds": kinds_offered(), "tab": "channels"}
    return render(request, "agents/channels.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def channel_new(request: HttpRequest, project: str, kind: str) -> HttpResponse:
    """Makes a channel of one kind, with a first rule."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    if kind not in {offered["kind"] for offered in kinds_offered()}:
        raise Http404
    form = ChannelForm(request.POST if request.method == "POST" else None, kind=Channel.Kind(kind))
    if request.method == "POST" and form.is_valid():
        name, target = form.cleaned_data["name"], form.cleaned_data.get("target", "")
        try:
            made = services.create(
                project=found, kind=kind, name=name, target=target, by=person(request), now=clock.now()
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The channel is made. Send a test to see whether it arrives."))
            return redirect("agents:channel", project=project, channel=made.pk)
    context = {"form": form, "kind": Channel.Kind(kind), "about": KINDS[Channel.Kind(kind)][1], "tab": "channels"}
    return render(request, "agents/channel_new.html", context, status=422 if form.is_bound else 200)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def channel(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """One channel: its name and target, its rules, its secret, and what went through it lately."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    row = _channel(found, channel)
    kind = Channel.Kind(row.kind)
    form = ChannelForm(
        request.POST if request.method == "POST" else None, kind=kind, hint=row.hint, initial={"name": row.name}
    )
    if request.method == "POST" and form.is_valid():
        name, target = form.cleaned_data["name"], form.cleaned_data.get("target", "")
        try:
            services.change(channel=row, name=name, target=target, by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The channel is changed."))
            return redirect("agents:channel", project=project, channel=row.pk)
    return render(request, "agents/channel.html", _context(row, form), status=422 if form.is_bound else 200)


@require_POST
def channel_switch(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """Switches a channel on or off, as `enabled` says."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    enabled = request.POST.get("enabled") == "1"
    services.switch(channel=row, enabled=enabled, by=person(request), now=clock.now())
    messages.success(request, _("The channel is on.") if enabled else _("The channel is off."))
    return redirect("agents:channel", project=project, channel=row.pk)


@require_POST
def channel_test(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """Sends a test message and shows its delivery."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    if not row.enabled or row.kind == Channel.Kind.CALLBACK:
        messages.error(request, _("Switch the channel on first."))
        return redirect("agents:channel", project=project, channel=row.pk)
    event = services.send_test(channel=row, by=person(request), now=clock.now())
    delivery = Delivery.objects.get(event=event, channel=row)
    return redirect("agents:delivery", project=project, delivery=delivery.pk)


@require_POST
def channel_secret(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """Makes a new signing secret; the one before signs beside it for a day."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    if row.kind not in {Channel.Kind.WEBHOOK, Channel.Kind.CALLBACK}:
        raise Http404
    services.rotate_secret(channel=row, by=person(request), now=clock.now())
    messages.success(request, _("There is a new secret. The one before goes on signing beside it for a day."))
    return redirect("agents:channel", project=project, channel=row.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def channel_remove(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """Asks, then ends a channel."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    if row.kind == Channel.Kind.CALLBACK:
        raise Http404
    if request.method != "POST":
        return render(request, "agents/channel_remove.html", {"channel": row, "tab": "channels"})
    services.remove(channel=row, by=person(request), now=clock.now())
    messages.success(request, _("The channel %(name)s is removed.") % {"name": row.name})
    return redirect("agents:channels", project=project)


@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: HttpRequest, project: str, channel: int) -> HttpResponse:
    """Adds a rule to a channel."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    if row.kind == Channel.Kind.CALLBACK:
        raise Http404
    initial = {"time_zone": person(request).zone, "events": list(services.WANTED)}
    return _rule_page(request, row, None, initial)


@require_http_methods(["GET", "HEAD", "POST"])
def rule(request: HttpRequest, project: str, channel: int, rule: int) -> HttpResponse:
    """Changes a rule."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    found = get_object_or_404(ChannelRule.objects.select_related("channel__project"), pk=rule, channel=row)
    return _rule_page(request, row, found, RuleForm.initial_of(found))


@require_POST
def rule_remove(request: HttpRequest, project: str, channel: int, rule: int) -> HttpResponse:
    """Takes a rule away."""
    row = _channel(page_project(request, project, Permission.CHANNEL_MANAGE), channel)
    found = get_object_or_404(ChannelRule.objects.select_related("channel__project"), pk=rule, channel=row)
    services.remove_rule(rule=found, by=person(request), now=clock.now())
    messages.success(request, _("The rule is removed."))
    return redirect("agents:channel", project=project, channel=row.pk)


def kinds_offered() -> list[dict[str, Any]]:
    """The kinds of channel that can be made here; letters only where there is a mail server."""
    return [
        {"kind": kind.value, "label": kind.label, "icon": icon, "about": about}
        for kind, (icon, about) in KINDS.items()
        if kind is not Channel.Kind.EMAIL or settings.EMAIL_HOST
    ]


def rule_words(rule: ChannelRule) -> dict[str, Any]:
    """A rule as people read it."""
    quiet = rule.quiet_from and rule.quiet_until
    return {
        "rule": rule,
        "events": [str(EVENTS.get(event, event)) for event in rule.events],
        "when": str(dict(DIGESTS).get(rule.digest_minutes, "")) if rule.digest_minutes else "",
        "quiet": f"{rule.quiet_from:%H:%M} – {rule.quiet_until:%H:%M} {rule.time_zone}" if quiet else "",
    }


def _rule_page(
    request: HttpRequest, channel: Channel, rule: ChannelRule | None, initial: dict[str, Any]
) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = RuleForm(data, project=channel.project, kind=channel.kind, initial=initial)
    if request.method == "POST" and form.is_valid():
        by, now = person(request), clock.now()
        try:
            if rule is None:
                services.add_rule(channel=channel, draft=form.draft(), by=by, now=now)
            else:
                services.change_rule(rule=rule, draft=form.draft(), by=by, now=now)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The rule is saved."))
            return redirect("agents:channel", project=channel.project.slug, channel=channel.pk)
    context = {"form": form, "channel": channel, "rule": rule, "zones": RuleForm.zones(), "tab": "channels"}
    return render(request, "agents/channel_rule.html", context, status=422 if form.is_bound else 200)


def _channel(project: Project, key: int) -> Channel:
    return get_object_or_404(Channel.objects.kept().select_related("project", "created_by"), pk=key, project=project)


def _context(channel: Channel, form: ChannelForm) -> dict[str, Any]:
    rows, _more = selectors.delivery_page(channel.project, channel=channel, status="", before=None, size=LATEST)
    return {
        "channel": channel,
        "form": form,
        "rules": [rule_words(rule) for rule in channel.rules.select_related("team").order_by("pk")],
        "endpoints": selectors.failing_endpoints(channel, clock.now()),
        "deliveries": rows,
        "deliveries_url": reverse("agents:deliveries", kwargs={"project": channel.project.slug})
        + f"?channel={channel.pk}",
        "signs": channel.kind in {Channel.Kind.WEBHOOK, Channel.Kind.CALLBACK},
        "has_rules": channel.kind != Channel.Kind.CALLBACK,
        "tab": "channels",
    }
