"""What every page needs of the signed-in person."""

import logging
import zoneinfo
from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.db import InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from agents.models import User

logger = logging.getLogger(__name__)


class ActivityMiddleware:
    """Notes when and from where each session was last in use, as far as the database takes it.

    In place of allauth's own, which would fail every page while the database is read-only or full.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated:
            try:
                UserSession.objects.create_from_request(request)
            except (InternalError, OperationalError) as error:
                logger.warning("session_activity_not_noted", extra={"reason": str(error)[:200]})
        return self._get_response(request)


class PersonMiddleware:
    """Shows times in the person's own time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User):
            with timezone.override(zoneinfo.ZoneInfo(request.user.time_zone)):
                return self._get_response(request)
        return self._get_response(request)
