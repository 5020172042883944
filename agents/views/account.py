"""A person's own page: who they are, where they are signed in, and what acts as them."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from agents import selectors
from agents.forms import NotificationForm, ProfileForm, TokenForm, time_zones
from agents.models import Membership, PersonalToken, User
from agents.services import accounts, mail, tokens
from agents.services import members as member_services
from agents.views import once
from agents.views.clients import client_words
from agents.views.person import person
from console.lib import clock


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Everything about oneself; a POST changes name and time zone."""
    if request.method != "POST":
        return _page(request)
    return _save(request, ProfileForm(request.POST, instance=_copy(request)), "profile")


@require_POST
def account_notifications(request: HttpRequest) -> HttpResponse:
    """Changes where notifications go."""
    return _save(request, NotificationForm(request.POST, instance=_copy(request), mails=mail.can_send()), "notify")


@never_cache
@require_POST
def token_new(request: HttpRequest) -> HttpResponse:
    """Makes a personal token and shows its secret once."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=form)
    if not once.spend(request):
        messages.info(request, _("This token was made already. Its secret is shown only once."))
        return redirect(_section("tokens"))
    now = clock.now()
    issued = tokens.create(
        user=person(request), name=form.cleaned_data["name"], expires_at=form.expires_at(now), now=now
    )
    return _page(request, issued=issued)


@require_POST
def token_revoke(request: HttpRequest, token: int) -> HttpResponse:
    """Revokes one of one's own tokens at once."""
    found = get_object_or_404(PersonalToken, pk=token, user=person(request))
    tokens.revoke(token=found, now=clock.now())
    messages.success(request, _("The token %(name)s is revoked.") % {"name": found})
    return redirect(_section("tokens"))


@require_POST
def session_end(request: HttpRequest) -> HttpResponse:
    """Signs out one of one's other browsers (`id`), or all of them."""
    own = UserSession.objects.filter(user_id=person(request).pk).exclude(session_key=request.session.session_key)
    given = request.POST.get("id", "")
    if given:
        own = own.filter(pk=int(given) if given.isascii() and given.isdigit() and len(given) < 19 else 0)
    ended = list(own)
    end_sessions(request, ended)
    if ended:
        messages.success(request, _("Signed out elsewhere."))
    return redirect(_section("sessions"))


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, membership: int) -> HttpResponse:
    """Asks, then leaves a project."""
    user = person(request)
    found = get_object_or_404(Membership.objects.select_related("project", "user"), pk=membership, user=user)
    if request.method != "POST":
        return render(request, "agents/leave.html", {"membership": found})
    try:
        member_services.remove(membership=found, by=user, now=clock.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("You have left %(name)s.") % {"name": found.project.name})
    return redirect(_section("projects"))


def _copy(request: HttpRequest) -> User:
    """The person as stored: a form writes into its instance, and a refused value must not show in the shell."""
    return User.objects.get(pk=person(request).pk)


def _save(request: HttpRequest, form: Any, section: str) -> HttpResponse:
    if form.is_valid():
        try:
            accounts.change_profile(user=_copy(request), now=clock.now(), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved."))
            return redirect(_section(section))
    return _page(request, **{f"{section}_form": form})


def _section(name: str) -> str:
    return f"{reverse('account')}#{name}"


def _page(request: HttpRequest, **given: Any) -> HttpResponse:
    user = person(request)
    now = clock.now()
    context = {
        "profile_form": ProfileForm(instance=user),
        "notify_form": NotificationForm(instance=user, mails=mail.can_send()),
        "token_form": TokenForm(),
        "time_zones": time_zones(),
        "sessions": _sessions(request),
        "tokens": [{"token": token, "state": token.state(now)} for token in selectors.tokens_of(user)],
        "memberships": selectors.memberships_of(user),
        "archived": selectors.archived_projects_run_by(user),
        "has_mfa": is_mfa_enabled(user),
        "stamp": once.new_stamp(),
    } | given
    invalid = any(isinstance(value, BaseForm) and value.is_bound for value in given.values())
    return render(request, "agents/account.html", context, status=422 if invalid else 200)


def _sessions(request: HttpRequest) -> list[dict[str, Any]]:
    """Where this person is signed in, this browser first, then the last seen first."""
    rows = [
        {"session": session, "client": client_words(session.user_agent), "current": session.is_current()}
        for session in UserSession.objects.purge_and_list(person(request))
    ]
    return sorted(rows, key=lambda row: (not row["current"], -row["session"].last_seen_at.timestamp()))
