"""How many requests a key or a person may make: settings RATE_LIMIT_PER_KEY and RATE_LIMIT_PER_PERSON, a second."""

from datetime import datetime

from django.conf import settings

from console.lib import ratelimit
from console.lib.http import Problem


def admit(ident: str, *, is_person: bool, now: datetime) -> None:
    """Counts one request of `ident`; raises Problem 429 with Retry-After when there were too many."""
    limit = settings.RATE_LIMIT_PER_PERSON if is_person else settings.RATE_LIMIT_PER_KEY
    verdict = ratelimit.check(ident, limit=limit, now=now.timestamp())
    if not verdict.allowed:
        detail = f"Too many requests: at most {limit} a second. Try again in {verdict.reset_seconds} s."
        raise Problem(429, detail, headers=verdict.headers())
