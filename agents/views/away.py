"""A person's times away, and who stands in for them."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import selectors
from agents.models import Away
from agents.services import absences
from agents.team_forms import AwayForm
from agents.views.person import person
from console.lib import clock


@require_http_methods(["GET", "HEAD", "POST"])
def away(request: HttpRequest) -> HttpResponse:
    """When one is away; a POST adds a time."""
    user, now = person(request), clock.now()
    form = AwayForm(request.POST if request.method == "POST" else None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            absences.plan(user=user, **form.cleaned_data, now=now)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Noted. What comes in meanwhile is put before others."))
            return redirect("away")
    context = {
        "form": form,
        "absences": selectors.absences_of(user, now),
        "stood_in_for": selectors.stood_in_for(user, now),
        "now": now,
    }
    return render(request, "agents/away.html", context, status=422 if form.is_bound else 200)


@require_POST
def away_end(request: HttpRequest, away: int) -> HttpResponse:
    """One is back, or does not go."""
    found = get_object_or_404(Away, pk=away, user=person(request))
    absences.end(away=found, now=clock.now())
    messages.success(request, _("What comes in is put before you again."))
    return redirect("away")
