"""Deliveries: what went out, through which channel, with every attempt; and once more at the press of a button."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from agents import selectors
from agents.access import page_project
from agents.models import Channel, Delivery, Project
from agents.permissions import Permission
from agents.services import deliveries as services
from agents.views import paging
from agents.views.person import person
from console.lib import clock

REPLAYED_AT_ONCE = 200

STATUSES = [
    (Delivery.Status.PENDING.value, gettext_lazy("On its way")),
    (Delivery.Status.DELIVERED.value, gettext_lazy("Delivered")),
    (Delivery.Status.FAILED.value, gettext_lazy("Failed")),
    (Delivery.Status.DROPPED.value, gettext_lazy("No longer true")),
]


@never_cache
@require_safe
def deliveries(request: HttpRequest, project: str) -> HttpResponse:
    """A project's deliveries, the newest first; ?channel and ?status choose among them."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    channel, status = _chosen(request, found)
    cursor = paging.cursor_of(request, kinds=[int])
    rows, more = selectors.delivery_page(
        found, channel=channel, status=status, before=cursor[0] if cursor else None, size=paging.SIZE
    )
    context = {
        "rows": rows,
        "older": paging.next_address(request, [rows[-1].pk]) if more else None,
        "channels": Channel.objects.filter(project=found).order_by("name", "pk"),
        "channel": channel,
        "status": status,
        "statuses": STATUSES,
        "replayable": status == Delivery.Status.FAILED and channel is not None and bool(rows),
        "tab": "channels",
    }
    return render(request, "agents/deliveries.html", context)


@never_cache
@require_safe
def delivery(request: HttpRequest, project: str, delivery: int) -> HttpResponse:
    """One delivery with its attempts. While it is on its way, the page looks again by itself."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    row = _delivery(found, delivery)
    context = {"project": found, "delivery": row, "attempts": row.attempts.order_by("-pk")[: paging.SIZE]}
    part = request.headers.get("HX-Request") == "true"
    return render(request, "agents/_delivery.html" if part else "agents/delivery.html", context)


@require_POST
def delivery_replay(request: HttpRequest, project: str, delivery: int) -> HttpResponse:
    """Sends one delivery again."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    _replay(request, [_delivery(found, delivery)])
    return redirect("agents:delivery", project=project, delivery=delivery)


@require_POST
def deliveries_replay(request: HttpRequest, project: str) -> HttpResponse:
    """Sends the newest failed deliveries of one channel again."""
    found = page_project(request, project, Permission.CHANNEL_MANAGE)
    channel, _status = _chosen(request, found)
    if channel is None:
        return HttpResponse(status=400)
    rows, _more = selectors.delivery_page(
        found, channel=channel, status=Delivery.Status.FAILED, before=None, size=REPLAYED_AT_ONCE
    )
    _replay(request, rows)
    return redirect("agents:channel", project=project, channel=channel.pk)


def _replay(request: HttpRequest, rows: list[Delivery]) -> None:
    try:
        count = services.replay(deliveries=rows, by=person(request), now=clock.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        words = ngettext("%(count)d delivery is sent again.", "%(count)d deliveries are sent again.", count)
        messages.success(request, words % {"count": count})


def _chosen(request: HttpRequest, project: Project) -> tuple[Channel | None, str]:
    """The channel and the status that the address or the form names; what does not exist is left out."""
    named: dict[str, Any] = {**request.GET.dict(), **request.POST.dict()}
    key, status = str(named.get("channel", "")), str(named.get("status", ""))
    known = key.isascii() and key.isdigit() and len(key) < 19
    channel = Channel.objects.filter(project=project, pk=int(key)).first() if known else None
    return channel, status if status in Delivery.Status.values else ""


def _delivery(project: Project, key: int) -> Delivery:
    rows = Delivery.objects.of_project(project).select_related("channel", "event", "endpoint", "project")
    return get_object_or_404(rows, pk=key)
