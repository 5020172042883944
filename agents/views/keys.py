"""A project's API keys. A secret is shown once, in answer to the form that made it."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from agents import selectors
from agents.access import page_project
from agents.forms import KeyForm, RotateForm
from agents.models import ApiKey
from agents.permissions import Permission
from agents.services import keys as services
from agents.services.keys import IssuedKey
from agents.views import once
from agents.views.person import person
from console.lib import clock


@require_safe
def keys(request: HttpRequest, project: str) -> HttpResponse:
    """Every key with its scopes, use and state."""
    found = page_project(request, project, Permission.KEY_MANAGE)
    now = clock.now()
    rows = [{"key": key, "state": key.state(now)} for key in selectors.keys_of(found)]
    return render(request, "agents/keys.html", {"rows": rows, "tab": "keys"})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_new(request: HttpRequest, project: str) -> HttpResponse:
    """Makes a key and shows its secret once."""
    found = page_project(request, project, Permission.KEY_MANAGE)
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not once.spend(request):
            return _made_already(request, project)
        fields, now = form.cleaned_data, clock.now()
        try:
            issued = services.create(
                project=found,
                name=fields["name"],
                scopes=fields["scopes"],
                expires_at=form.expires_at(now),
                allowed_networks=fields["allowed_networks"],
                by=person(request),
                now=now,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _show(request, issued)
    return _form_page(request, "agents/key_new.html", {"form": form})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def key_rotate(request: HttpRequest, project: str, key: int) -> HttpResponse:
    """Makes a key's successor and shows its secret once."""
    found = page_project(request, project, Permission.KEY_MANAGE)
    old = get_object_or_404(ApiKey, pk=key, project=found)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not once.spend(request):
            return _made_already(request, project)
        try:
            issued = services.rotate(key=old, overlap=form.overlap(), by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            old.refresh_from_db()
            return _show(request, issued, old=old)
    return _form_page(request, "agents/key_rotate.html", {"form": form, "key": old})


@require_http_methods(["GET", "HEAD", "POST"])
def key_revoke(request: HttpRequest, project: str, key: int) -> HttpResponse:
    """Asks, then revokes a key at once."""
    found = page_project(request, project, Permission.KEY_MANAGE)
    old = get_object_or_404(ApiKey, pk=key, project=found)
    if request.method != "POST":
        return render(request, "agents/key_revoke.html", {"key": old, "tab": "keys"})
    services.revoke(key=old, by=person(request), now=clock.now())
    messages.success(request, _("The key %(name)s is revoked.") % {"name": old})
    return redirect("agents:keys", project=project)


def _form_page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    context |= {"tab": "keys", "stamp": once.new_stamp()}
    return render(request, template, context, status=422 if context["form"].is_bound else 200)


def _made_already(request: HttpRequest, project: str) -> HttpResponse:
    messages.info(request, _("This key was made already. Its secret is shown only once."))
    return redirect("agents:keys", project=project)


def _show(request: HttpRequest, issued: IssuedKey, old: ApiKey | None = None) -> HttpResponse:
    context = {
        "key": issued.key,
        "old": old,
        "secret": issued.secret,
        "environment": otel_environment(issued.secret),
        "tab": "keys",
    }
    return render(request, "agents/key_made.html", context)


def otel_environment(secret: str) -> str:
    """The two variables that point an OpenTelemetry SDK here."""
    return (
        f"export OTEL_EXPORTER_OTLP_ENDPOINT={settings.PUBLIC_URL}\n"
        f'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{secret}"'
    )
