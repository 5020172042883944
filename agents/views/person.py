"""The signed-in person of a page."""

from django.http import HttpRequest

from agents.models import User


def person(request: HttpRequest) -> User:
    """Whoever is signed in; LoginRequiredMiddleware lets nobody else through."""
    assert isinstance(request.user, User)
    return request.user
