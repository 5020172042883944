"""A project's teams: whom requests are routed to."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import selectors
from agents.access import page_project
from agents.models import Project, Team
from agents.permissions import Permission
from agents.services import teams as services
from agents.team_forms import TeamForm, TeamMembersForm
from agents.views.person import person
from console.lib import clock


@require_http_methods(["GET", "HEAD", "POST"])
def teams(request: HttpRequest, project: str) -> HttpResponse:
    """Every team with its people; a POST makes one."""
    found = page_project(request, project, Permission.MEMBER_MANAGE)
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create(project=found, name=form.cleaned_data["name"], by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The team is made. Say who is in it."))
            return redirect("agents:team", project=project, team=made.slug)
    away = selectors.away_now(found, clock.now())
    rows = [
        {
            "team": team,
            "people": [(one.membership.user, away.get(one.membership.user_id)) for one in team.team_members.all()],
        }
        for team in selectors.teams_of(found)
    ]
    return render(
        request, "agents/teams.html", {"rows": rows, "form": form, "tab": "teams"}, status=422 if form.is_bound else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, project: str, team: str) -> HttpResponse:
    """One team: its name and its people."""
    chosen = _chosen(request, project, team)
    form = TeamMembersForm(request.POST if request.method == "POST" else None, team=chosen)
    if request.method == "POST" and form.is_valid():
        try:
            services.change(team=chosen, **form.cleaned_data, by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The team is saved."))
            return redirect("agents:teams", project=project)
    return _page(request, chosen, form)


@require_POST
def team_archive(request: HttpRequest, project: str, team: str) -> HttpResponse:
    """Takes a team out of use."""
    chosen = _chosen(request, project, team)
    services.archive(team=chosen, by=person(request), now=clock.now())
    messages.success(request, _("%(name)s is no longer a team.") % {"name": chosen.name})
    return redirect("agents:teams", project=project)


def _chosen(request: HttpRequest, project: str, team: str) -> Team:
    found: Project = page_project(request, project, Permission.MEMBER_MANAGE)
    return get_object_or_404(Team.objects.open().select_related("project"), project=found, slug=team)


def _page(request: HttpRequest, chosen: Team, form: Form) -> HttpResponse:
    context = {"team": chosen, "form": form, "tab": "teams"}
    return render(request, "agents/team.html", context, status=422 if form.is_bound else 200)
