"""What every page needs of the signed-in person."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from agents.models import User


class PersonMiddleware:
    """Shows times in the person's own time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User):
            with timezone.override(zoneinfo.ZoneInfo(request.user.time_zone)):
                return self._get_response(request)
        return self._get_response(request)
