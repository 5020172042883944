"""What opens behind an invitation's link."""

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from agents.access import LAST_PROJECT
from agents.forms import AcceptForm
from agents.models import Invitation, User
from agents.roles import ROLE_SUMMARIES, Role
from agents.services import invitations
from agents.services.invitations import NoLongerValid
from console.lib import clock


@never_cache
@login_not_required
@sensitive_post_parameters("password", "password_again")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Lets somebody join: new people make their account here, others sign in first."""
    if request.method == "POST":
        refused: HttpResponse | None = ratelimit.consume_or_429(request, action="signup")
        if refused is not None:
            return refused
    try:
        found = invitations.find(secret=secret, now=clock.now())
        if isinstance(request.user, User):
            return _join(request, found, request.user)
        if invitations.account_of(found.email) is not None:
            return _render(request, found, {"state": "sign_in"})
        return _sign_up(request, found)
    except NoLongerValid:
        return render(request, "agents/invitation_over.html", status=410)


def _join(request: HttpRequest, found: Invitation, user: User) -> HttpResponse:
    if not invitations.owns_address(user, found.email):
        return _render(request, found, {"state": "wrong_person"})
    if request.method != "POST":
        return _render(request, found, {"state": "join"})
    try:
        invitations.accept(invitation=found, user=user, now=clock.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return _render(request, found, {"state": "join"})
    messages.success(request, _("Welcome to %(name)s.") % {"name": found.project.name})
    request.session[LAST_PROJECT] = found.project.slug
    return redirect("home")


def _sign_up(request: HttpRequest, found: Invitation) -> HttpResponse:
    form = AcceptForm(request.POST if request.method == "POST" else None, email=found.email)
    if request.method != "POST" or not form.is_valid():
        return _render(request, found, {"state": "new", "form": form}, status=422 if form.is_bound else 200)
    fields = form.cleaned_data
    try:
        user = invitations.accept_as_new(
            invitation=found,
            name=fields["name"],
            password=fields["password"],
            time_zone=fields["time_zone"],
            now=clock.now(),
        )
    except ValidationError:
        return redirect(request.path)  # The address got an account meanwhile: the page now asks to sign in.
    messages.success(request, _("Welcome to %(name)s.") % {"name": found.project.name})
    login = Login(user=user, email=user.email, redirect_url=reverse("home"))
    response: HttpResponse = perform_password_login(request, {"email": user.email}, login)
    return response


def _render(request: HttpRequest, found: Invitation, context: dict[str, object], status: int = 200) -> HttpResponse:
    role = Role(found.role)
    context |= {"invitation": found, "role": role.label, "role_summary": ROLE_SUMMARIES[role]}
    return render(request, "agents/invitation.html", context, status=status)
