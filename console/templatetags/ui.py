"""How numbers, times, icons and values look, everywhere the same.

Built into every template (settings.TEMPLATES), so no `{% load %}` is needed. Durations are integer nanoseconds,
money is integer nano-dollars (1e-9 USD), times are aware datetimes or integer nanoseconds since 1970 (UTC). Every
filter turns None into an en dash: unknown is not zero.
"""

import functools
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from lucide.templatetags.lucide import lucide

from console.lib import clock
from console.lib.jsontree import JsonTree
from console.lib.unseen import visible

register = template.Library()

UNKNOWN = "–"
NANOS_PER_DOLLAR = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60, 3600, 86_400

KIND_ICONS = {
    "agent": "bot",
    "llm": "sparkles",
    "tool": "wrench",
    "retriever": "file-search",
    "embedding": "binary",
    "reranker": "arrow-down-wide-narrow",
    "chain": "workflow",
    "guardrail": "shield",
    "evaluator": "gauge",
    "human": "user-check",
}
RANGES = {
    "15m": _l("Last 15 minutes"),
    "1h": _l("Last hour"),
    "6h": _l("Last 6 hours"),
    "24h": _l("Last 24 hours"),
    "7d": _l("Last 7 days"),
    "30d": _l("Last 30 days"),
}


register.filter(visible)


@register.filter
def duration(ns: int | str | None) -> str:
    """A span of time in the unit that keeps three digits: 850 µs, 340 ms, 1.24 s, 2 m 05 s, 3 h 20 m, 2 d 4 h."""
    if ns is None or ns == "":
        return UNKNOWN
    sign, ns = ("−", -int(ns)) if int(ns) < 0 else ("", int(ns))
    if ns < NS_PER_MS:
        return f"{sign}{round(ns / 1000)} µs"
    if ns < NS_PER_SECOND:
        ms = ns / NS_PER_MS
        return f"{sign}{ms:.1f} ms" if ms < 10 else f"{sign}{min(round(ms), 999)} ms"
    seconds = ns / NS_PER_SECOND
    if seconds < 10:
        return f"{sign}{seconds:.2f} s"
    if seconds < MINUTE:
        return f"{sign}{min(seconds, 59.9):.1f} s"
    return sign + coarse_seconds(int(seconds))


@register.filter
def hours(value: float | None) -> str:
    """A span of time that is known in hours, as `duration` says it: minutes are not rounded away."""
    return "0 s" if value == 0 else seconds(None if value is None else value * 3_600)


@register.filter
def seconds(value: float | str | None) -> str:
    """A span of time that is known in seconds, as `duration` says it."""
    return UNKNOWN if value is None or value == "" else duration(round(float(value) * NS_PER_SECOND))


def coarse_seconds(seconds: int) -> str:
    """Two units at most: 45 s, 2 m 05 s, 3 h 20 m, 2 d 4 h. `seconds` is not negative."""
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} m {seconds % MINUTE:02d} s"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02d} m"
    return f"{seconds // DAY} d {seconds % DAY // HOUR} h"


@register.filter
def money(nanos: int | Decimal | str | None) -> str:
    """Nano-dollars as dollars: two places from a dollar on, four from a cent on, below it three digits that count."""
    if nanos is None or nanos == "":
        return UNKNOWN
    dollars = Decimal(nanos) / NANOS_PER_DOLLAR
    sign, dollars = ("−", -dollars) if dollars < 0 else ("", dollars)
    if dollars == 0:
        return "$0.00"
    if dollars >= 10_000:
        return f"{sign}${dollars:,.0f}"
    if dollars >= 1:
        return f"{sign}${dollars:,.2f}"
    if dollars >= Decimal("0.01"):
        return f"{sign}${dollars:.4f}"
    return f"{sign}${_three_digits(dollars)}"


def _three_digits(small: Decimal) -> str:
    """A positive number below 0.01: at least four places, and as many as its first three digits take, to 1e-9."""
    places = min(max(2 - small.adjusted(), 4), 9)
    whole, point, rest = f"{small:.{places}f}".partition(".")
    return whole + point + rest.rstrip("0").ljust(4, "0")


@register.filter
def tokens(count: int | str | None) -> str:
    """A count that may be large, short: 999, 12.4k, 3.1M."""
    if count is None or count == "":
        return UNKNOWN
    value = int(count)
    for limit, unit in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if abs(value) >= limit:
            scaled = value / (1000 if unit == "k" else limit)
            return f"{scaled:.1f}{unit}".replace(".0", "")
    return f"{value:,}"


@register.filter
def number(value: float | str | None) -> str:
    """A number with its thousands apart: 12,345 or 12,345.6."""
    if value is None or value == "":
        return UNKNOWN
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{float(value):,.1f}" if abs(float(value)) >= 10 else f"{float(value):,.2f}"


@register.filter
def measured(value: float | None) -> str:
    """A measured value to four digits, whatever its size: 0.001235, 12.35, 1,234,567."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


@register.filter
def percent(ratio: float | str | None) -> str:
    """A ratio as a percentage: 0.034 is 3.4%; what is not nothing is never shown as 0%."""
    if ratio is None or ratio == "":
        return UNKNOWN
    share = float(ratio) * 100
    if share == 0 or abs(share) >= 10:
        return f"{share:.0f}%"
    return f"{share:.1f}%" if abs(share) >= 0.1 else "<0.1%"


@register.filter
def hexid(value: bytes | memoryview | None) -> str:
    """A trace or span id as it is written everywhere: lower-case hex."""
    return "" if value is None else bytes(value).hex()


@register.filter
def short_id(value: object) -> str:
    """The first eight characters of an id: enough to recognise it, not to look it up."""
    return str(value or "").replace("-", "")[:8]


@register.filter
def initials(name: object) -> str:
    """Two letters for an avatar: of the first and last word, or of an address's name part."""
    words = str(name or "?").split("@")[0].replace(".", " ").replace("_", " ").replace("-", " ").split() or ["?"]
    return (words[0][:1] + (words[-1][:1] if len(words) > 1 else words[0][1:2])).upper()


@register.filter
def kind_icon(kind: str) -> str:
    """The icon of a span kind."""
    return KIND_ICONS.get(kind, "box")


@register.filter
def as_datetime(value: datetime | int | str | None) -> datetime | None:
    """Nanoseconds since 1970 or RFC 3339 text as an aware datetime; datetimes pass; nothing gives None."""
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value
    if isinstance(value, int):
        return datetime.fromtimestamp(value / NS_PER_SECOND, UTC)
    return datetime.fromisoformat(value)


def relative(moment: datetime, now: datetime) -> str:
    """`moment` as seen from `now`, in words: just now, 3 min ago, in 2 h 5 min, yesterday's as 26 h ago, 3 d ago.

    What is over is told in one unit. What is ahead is waited for, and is not told as nearer than it is: in two.
    """
    seconds = int((now - moment).total_seconds())
    ahead, distance = seconds < 0, abs(seconds)
    if distance < 5:
        return _("just now")
    if distance < MINUTE:
        words = ngettext("%(n)d s", "%(n)d s", distance) % {"n": distance}
    elif distance < HOUR:
        words = ngettext("%(n)d min", "%(n)d min", distance // MINUTE) % {"n": distance // MINUTE}
    elif distance < 2 * DAY:
        words = ngettext("%(n)d h", "%(n)d h", distance // HOUR) % {"n": distance // HOUR}
    else:
        words = ngettext("%(n)d d", "%(n)d d", distance // DAY) % {"n": distance // DAY}
    if not ahead:
        return _("%(span)s ago") % {"span": words}
    hours, minutes = distance % DAY // HOUR, distance % HOUR // MINUTE
    if HOUR <= distance < 2 * DAY and minutes:
        words += " " + ngettext("%(n)d min", "%(n)d min", minutes) % {"n": minutes}
    elif distance >= 2 * DAY and hours:
        words += " " + ngettext("%(n)d h", "%(n)d h", hours) % {"n": hours}
    return _("in %(span)s") % {"span": words}


@register.filter
def exact(moment: datetime) -> str:
    """`moment` in the reader's time zone, to the second, with the zone's name."""
    local = timezone.localtime(moment)
    return f"{_day(local.date(), get_language())}, {local:%H:%M:%S} {local.tzname()}"


@functools.lru_cache(maxsize=1024)
def _day(day: date, language: str | None) -> str:
    # A list of fifty rows says fifty times the same few days, and Django's own formatting is slow.
    return date_format(day, "j M Y")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@register.simple_tag
def ago(value: datetime | int | str | None) -> SafeString | str:
    """A time in relation to now, the exact one in the tooltip; time.js keeps it fresh."""
    moment = as_datetime(value)
    if moment is None:
        return UNKNOWN
    shown = relative(moment, clock.now())
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        _iso(moment),
        exact(moment),
        shown,
    )


@register.simple_tag
def at(value: datetime | int | str | None, form: str = "H:i:s") -> SafeString | str:
    """A time of day in the reader's zone (`form` in Django's date format), the exact one in the tooltip."""
    moment = as_datetime(value)
    if moment is None:
        return UNKNOWN
    local = timezone.localtime(moment)
    shown = date_format(local, form)
    return format_html('<time datetime="{}" title="{}">{}</time>', _iso(moment), exact(moment), shown)


@register.filter
def share_left(expires_at: datetime, started_at: datetime) -> int:
    """How much of the way from `started_at` to `expires_at` is still ahead, in whole percent 0 to 100."""
    total = (expires_at - started_at).total_seconds()
    left = (expires_at - clock.now()).total_seconds()
    return max(0, min(100, round(100 * left / total))) if total > 0 else 0


@register.filter
def time_left(expires_at: datetime) -> str:
    """How long until `expires_at`, two units at most; time.js words it the same way."""
    seconds = int((expires_at - clock.now()).total_seconds())
    return _("%(span)s left") % {"span": coarse_seconds(seconds)} if seconds > 0 else _("time is up")


@register.simple_tag
def timeleft(start: datetime, end: datetime | None) -> SafeString | str:
    """The time left until `end` of the way from `start`, as a bar and in words; time.js keeps it fresh."""
    if end is None:
        return ""
    return format_html(
        '<span class="timeleft" data-timeleft data-start="{}" data-end="{}" title="{}"><svg class="timeleft-bar"'
        ' viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect width="{}" height="4"/></svg>'
        "<span data-words>{}</span></span>",
        _iso(start),
        _iso(end),
        exact(end),
        share_left(end, start),
        time_left(end),
    )


@register.simple_tag
def drawn(component: str, **values: str) -> SafeString:
    """A component of `templates/_drawn/`, whose looks follow from a few short values: drawn once, then remembered.

    For what stands in every row of a long list: a component costs as much as the rest of its row.
    """
    return _component(component, get_language(), tuple(values.items()))


@functools.lru_cache(maxsize=1024)
def _component(name: str, language: str | None, values: tuple[tuple[str, str], ...]) -> SafeString:
    return render_to_string(f"_drawn/{name}.html", dict(values))


@register.simple_tag
def range_presets() -> list[str]:
    """The time ranges every page offers, by the name they have in the address."""
    return list(RANGES)


@register.filter
def range_label(key: str) -> str:
    """A time range in words; an unknown one is one that the person set by hand."""
    return str(RANGES.get(key, _l("Custom range")))


@register.simple_tag
def icon(name: str, size: int = 16, label: str = "", **attributes: str) -> str:
    """A Lucide icon. Decorative unless `label` says what it means."""
    attributes.setdefault("stroke_width", "1.75")
    named = {"role": "img", "aria_label": label} if label else {"aria_hidden": "true"}
    css = f"icon {attributes.pop('css', '')}".strip()
    return _drawn(name, int(size), tuple(sorted({"class": css, **named, **attributes}.items())))


@functools.lru_cache(maxsize=1024)
def _drawn(name: str, size: int, attributes: tuple[tuple[str, str], ...]) -> str:
    # The library parses and prints XML for each icon, and a page has dozens of the same few.
    return lucide(name, size=size, **dict(attributes))


@register.simple_tag
def sparkline(values: Iterable[float | None], label: str = "") -> SafeString | str:
    """A series as a line of 100 by 28 units; gaps count as zero. Nothing for fewer than two points."""
    points = [float(value or 0) for value in values]
    if len(points) < 2:
        return ""
    low, high = min(0.0, *points), max(points)
    spread = (high - low) or 1.0
    step = 100 / (len(points) - 1)
    line = " ".join(f"{index * step:.2f},{26 - 24 * (value - low) / spread:.2f}" for index, value in enumerate(points))
    named = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" {}>'
        '<polygon class="spark-area" points="0,28 {} 100,28"/><polyline class="spark-line" points="{}"/></svg>',
        named,
        line,
        line,
    )


@register.simple_tag
def json_tree(value: Any, open_levels: int = 2) -> SafeString:
    """Any JSON value as a foldable tree; containers deeper than `open_levels` start folded."""
    return format_html('<div class="json">{}</div>', JsonTree(open_levels).draw(value))


@register.simple_tag
def control(field: BoundField, **attributes: str) -> SafeString:
    """A form field's control, tied to its help and errors for screen readers."""
    described = [f"{field.auto_id}-help"] if field.help_text else []
    described += [f"{field.auto_id}-errors"] if field.errors else []
    extra: dict[str, str | bool] = {name.replace("_", "-"): value for name, value in attributes.items() if value}
    if described:
        extra["aria-describedby"] = " ".join(described)
    if field.errors:
        extra["aria-invalid"] = "true"
    return field.as_widget(attrs=extra)


@register.simple_tag
def attributes(**pairs: Any) -> SafeString:
    """HTML attributes out of values that may be absent: None and "" leave an attribute out, True gives it bare."""
    return flatatt({name.replace("_", "-"): value for name, value in pairs.items() if value not in (None, "", False)})
