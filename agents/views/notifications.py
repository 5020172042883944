"""The bell: what happened while somebody was away."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from agents import selectors
from agents.models import Notification
from agents.services.notify import mark_read
from agents.views import paging
from agents.views.person import person
from console.lib import clock

BELL_SIZE = 8


@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """Everything in a person's bell, the newest first; ?unread shows only what is unread."""
    user = person(request)
    unread = "unread" in request.GET
    cursor = paging.cursor_of(request, kinds=[int])
    before = cursor[0] if cursor else None
    rows, more = selectors.notification_page(user, unread=unread, before=before, size=paging.SIZE)
    older = paging.next_address(request, [rows[-1].pk]) if more else None
    context = {"rows": rows, "older": older, "unread": unread, "unread_total": selectors.unread_count(user)}
    return render(request, "agents/notifications.html", context)


@never_cache
@require_safe
def bell(request: HttpRequest) -> HttpResponse:
    """The newest notifications, for the bell's menu."""
    return render(request, "agents/_bell.html", _bell_context(request))


@never_cache
@require_safe
def latest(request: HttpRequest) -> JsonResponse:
    """How many notifications are unread and what the newest of them says, for toasts and desktop notifications."""
    user = person(request)
    rows, _more = selectors.notification_page(user, unread=True, before=None, size=1)
    news = [
        {"title": row.title, "body": row.body, "url": reverse("notification-open", kwargs={"notification": row.pk})}
        for row in rows
    ]
    return JsonResponse(
        {
            "unread": selectors.unread_count(user),
            "desktop": user.notify_on_desktop,
            "latest": news[0] if news else None,
        }
    )


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Marks one notification (`id`) or all of them read."""
    given = request.POST.get("id", "")
    ids = [int(given)] if given.isascii() and given.isdigit() and len(given) < 19 else None
    if given and ids is None:
        return HttpResponse(status=400)
    mark_read(user=person(request), ids=ids, now=clock.now())
    if request.headers.get("HX-Request") == "true":
        return render(request, "agents/_bell.html", _bell_context(request))
    return redirect(_local(request, request.POST.get("next", "")) or "notifications")


@never_cache
@require_safe
def open_notification(request: HttpRequest, notification: int) -> HttpResponse:
    """Marks a notification read and goes where it points; 404 for other people's."""
    user = person(request)
    found = get_object_or_404(Notification.objects.of(user.pk), pk=notification)
    mark_read(user=user, ids=[found.pk], now=clock.now())
    return redirect(_local(request, found.url) or "notifications")


def _bell_context(request: HttpRequest) -> dict[str, Any]:
    """What still needs the person first: what is over has been marked read. Then what was new lately."""
    user = person(request)
    rows, _more = selectors.notification_page(user, unread=True, before=None, size=BELL_SIZE)
    latest, _more = selectors.notification_page(user, unread=False, before=None, size=BELL_SIZE)
    rows += [row for row in latest if row.read_at is not None][: BELL_SIZE - len(rows)]
    return {"rows": rows, "unread_count": selectors.unread_count(user)}


def _local(request: HttpRequest, address: str) -> str:
    """The address when it is one of ours, else nothing."""
    ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if ours else ""
