"""What every telemetry page reads from its address: the time range, and links that keep what is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from agents.models import Project
from agents.permissions import Permission
from metrics.ranges import DEFAULT_PRESET, ParameterError, TimeRange, page_range, preset_range, reaching
from metrics.times import from_ns

UP_TO_THEN = _l("Show the 30 days up to then")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The range of a page; `problem` says what was wrong with the address when the default is shown instead."""

    window: TimeRange
    problem: str = ""


def chosen_range(request: HttpRequest, *, now: datetime, default: str = DEFAULT_PRESET) -> Chosen:
    """The range in the address, else the default. Times without offset are the reader's."""
    tz = timezone.get_current_timezone()
    try:
        return Chosen(page_range(request.GET.dict(), tz=tz, now=now, default=default))
    except ParameterError as error:
        return Chosen(preset_range(default, tz=tz, now=now), problem=error.message)


def range_context(window: TimeRange) -> dict[str, Any]:
    """What the range picker shows."""
    start, end = timezone.localtime(window.start), timezone.localtime(window.end)
    label = "" if window.preset else f"{date_format(start, 'j M H:i')} – {date_format(end, 'j M H:i')}"
    return {
        "range_current": window.preset,
        "range_label": label,
        "range_compare": window.compare,
        "range_from": "" if window.preset else f"{start:%Y-%m-%dT%H:%M}",
        "range_to": "" if window.preset else f"{end:%Y-%m-%dT%H:%M}",
    }


@dataclass(frozen=True, slots=True)
class Way:
    """A link out of an empty page."""

    url: str
    label: str


# What an address says of a place in a list, and of its time.
PLACE = ("range", "from", "to", "cursor", "before", "live", "seen", "waiting")


def way_to(request: HttpRequest, ns: int, window: TimeRange) -> Way | None:
    """The same page with the range that shows what happened at `ns`; None when that is in its range already."""
    moment = from_ns(ns)
    if window.start <= moment < window.end:
        return None
    asked = reaching(moment, tz=timezone.get_current_timezone(), now=window.now)
    query = request.GET.copy()
    for name in PLACE:
        query.pop(name, None)
    query.update(asked)
    return Way(f"?{query.urlencode()}", _label(asked))


def _label(asked: Mapping[str, str]) -> str:
    return {
        "24h": _("Show the last 24 hours"),
        "7d": _("Show the last 7 days"),
        "30d": _("Show the last 30 days"),
    }.get(asked.get("range", ""), str(UP_TO_THEN))


def traces_url(project: Project, **parameters: str) -> str:
    """The trace list with a filter; empty values are left out."""
    kept = {name: value for name, value in parameters.items() if value}
    path = reverse("metrics:traces", kwargs={"project": project.slug})
    return f"{path}?{urlencode(kept)}" if kept else path


def otlp_environment(request: HttpRequest, project: Project) -> dict[str, Any]:
    """The variables that point an OpenTelemetry SDK here. Keys are shown once only, so none can be filled in."""
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    url = settings.PUBLIC_URL.rstrip("/")
    lines = [
        f"export OTEL_EXPORTER_OTLP_ENDPOINT={url}",
        'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20<API key>"',
    ]
    may_make_keys = Permission.KEY_MANAGE in permissions
    keys_url = reverse("agents:keys", kwargs={"project": project.slug}) if may_make_keys else ""
    return {"snippet": "\n".join(lines), "keys_url": keys_url}
