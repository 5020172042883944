"""How many requests a key or a person may make: settings RATE_LIMIT_PER_KEY and RATE_LIMIT_PER_PERSON, a second."""

from datetime import datetime

from django.conf import settings

from console.lib import ratelimit
from console.lib.http import Problem


def admit(ident: str, *, is_person: bool, now: datetime) -> None:
    """Counts one request of `ident`; raises Problem 429 with Retry-After when there were too many."""
    limit = _limit(is_person)
    _judge(ratelimit.check(ident, limit=limit, now=now.timestamp()), limit)


def admit_at_once(ident: str, *, is_person: bool, now: datetime) -> bool:
    """As `admit`, but without asking Valkey: False when that is needed, and then nothing was counted."""
    limit = _limit(is_person)
    verdict = ratelimit.check_at_once(ident, limit=limit, now=now.timestamp())
    if verdict is None:
        return False
    _judge(verdict, limit)
    return True


def _limit(is_person: bool) -> int:
    limit: int = settings.RATE_LIMIT_PER_PERSON if is_person else settings.RATE_LIMIT_PER_KEY
    return limit


def _judge(verdict: ratelimit.Verdict, limit: int) -> None:
    if not verdict.allowed:
        detail = f"Too many requests: at most {limit} a second. Try again in {verdict.reset_seconds} s."
        raise Problem(429, detail, headers=verdict.headers())
