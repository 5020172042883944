"""How allauth behaves here: nobody signs up by themselves; members are invited."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from agents.models import User
from agents.services import accounts
from console.lib import clock


class ClosedSignupAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the sign-up form; `agents.services.invitations` is the only way in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """The form of signing in says in which zone the browser is: static/js/time-zone.js."""
        accounts.adopt_time_zone(user=user, name=request.POST.get("time_zone", ""), now=clock.now())
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account")
