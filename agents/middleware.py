"""What every page needs of the signed-in person."""

import logging
import time
import zoneinfo
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.db import InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from agents.models import User

logger = logging.getLogger(__name__)


NOTED_SECONDS = 60.0
"""A session that goes on from the same place is noted again so often: for every page it would be a write for each."""

NOTED_MAX = 10_000


class ActivityMiddleware:
    """Notes when and from where each session was last in use, to the minute, as far as the database takes it.

    In place of allauth's own, which would fail every page while the database is read-only or full.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._noted: dict[tuple[object, ...], float] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated and self._is_news(request):
            try:
                UserSession.objects.create_from_request(request)
            except (InternalError, OperationalError) as error:
                logger.warning("session_activity_not_noted", extra={"reason": str(error)[:200]})
        return self._get_response(request)

    def _is_news(self, request: HttpRequest) -> bool:
        """Whether this session, person, address and browser have not been noted within the last minute."""
        place = request.META.get("REMOTE_ADDR"), request.headers.get("User-Agent")
        key, now = (request.session.session_key, request.user.pk, *place), time.monotonic()
        if now < self._noted.get(key, 0.0):
            return False
        if len(self._noted) >= NOTED_MAX:
            self._noted.clear()
        self._noted[key] = now + NOTED_SECONDS
        return True


class PersonMiddleware:
    """Shows times in the person's own time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User):
            with timezone.override(zoneinfo.ZoneInfo(request.user.zone)):
                return self._get_response(request)
        return self._get_response(request)
