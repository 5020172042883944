"""The formats of JSON Schema that are checked when a person edits: https://json-schema.org/draft/2020-12, section 7.3.

Pure. No pattern here can backtrack. A time without an offset passes, for that is what many programs call a date-time.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, time
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext_lazy as _

TEXT_MAX = 2_000
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
DURATION = re.compile(r"P(?=[\dT])(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
CLOCK = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})?")


def _is_date(text: str) -> bool:
    return bool(DAY.fullmatch(text)) and date.fromisoformat(text) is not None


def _is_time(text: str) -> bool:
    if not CLOCK.fullmatch(text):
        return False
    time.fromisoformat(text.replace("z", "Z").replace(":60", ":59"))  # a leap second is a time, to all but Python
    return True


def _is_moment(text: str) -> bool:
    return text[10:11] in {"T", "t", " "} and _is_date(text[:10]) and _is_time(text[11:])


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    _port = parts.port  # raises ValueError
    return bool(parts.scheme) and bool(parts.netloc or parts.path) and text.isascii() and not _has_gaps(text)


def _is_host(text: str) -> bool:
    return len(text) <= 253 and all(LABEL.fullmatch(label) for label in text.split("."))


def _is_uuid(text: str) -> bool:
    return len(text) == 36 and str(UUID(text)) == text.lower()


def _has_gaps(text: str) -> bool:
    return any(char.isspace() or char in '<>"{}|\\^`' for char in text)


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    return lambda text: parse(text) is not None


CHECKS: dict[str, tuple[Callable[[str], bool], object]] = {
    "date": (_is_date, _("This has to be a date, such as 2026-11-21.")),
    "time": (_is_time, _("This has to be a time, such as 14:30:00Z.")),
    "date-time": (_is_moment, _("This has to be a date and time, such as 2026-11-21T14:30:00Z.")),
    "duration": (_parses(DURATION.fullmatch), _("This has to be a duration, such as P3D or PT90M.")),
    "email": (_parses(EMAIL.fullmatch), _("This has to be an e-mail address.")),
    "uuid": (_is_uuid, _("This has to be a UUID.")),
    "uri": (_is_uri, _("This has to be a URI, such as https://example.org/.")),
    "hostname": (_is_host, _("This has to be the name of a host.")),
    "ipv4": (_parses(ipaddress.IPv4Address), _("This has to be an IPv4 address.")),
    "ipv6": (_parses(ipaddress.IPv6Address), _("This has to be an IPv6 address.")),
}


def wrong_format(text: str, name: object) -> str:
    """What a text should be and is not, in words; empty when it fits, or when nothing is known of the format."""
    check, words = CHECKS.get(name, (None, "")) if isinstance(name, str) else (None, "")
    if check is None:
        return ""
    try:
        fits = len(text) <= TEXT_MAX and check(text)
    except ValueError:
        fits = False
    return "" if fits else str(words)
