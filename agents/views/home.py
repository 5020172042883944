"""Where people arrive, and how they get from one project to another."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import selectors
from agents.access import LAST_PROJECT
from agents.forms import ProjectForm
from agents.services import projects
from agents.views.person import person
from console.lib import clock


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The overview of the project that was open last, or of the first one; without any, a page that says so."""
    user = person(request)
    slugs = [project.slug for project in selectors.projects_of(user)]
    if slugs:
        last = request.session.get(LAST_PROJECT)
        return redirect("metrics:overview", project=last if last in slugs else slugs[0])
    context = {
        "archived": selectors.archived_projects_run_by(user),
        "may_create": selectors.may_create_projects(user),
    }
    return render(request, "agents/no_project.html", context)


@require_safe
def project_switch(request: HttpRequest, project: str) -> HttpResponse:
    """Remembers the project for the next visit and opens it; 404 for strangers."""
    if project not in {own.slug for own in selectors.projects_of(person(request))}:
        raise Http404
    request.session[LAST_PROJECT] = project
    return redirect("metrics:overview", project=project)


@require_http_methods(["GET", "HEAD", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    """Makes a project. For those who run one already, and for the operators of the console."""
    user = person(request)
    if not selectors.may_create_projects(user):
        raise PermissionDenied(_("Only people who run a project may make another one."))
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        fields = form.cleaned_data
        try:
            made = projects.create(name=fields["name"], slug=fields["slug"], by=user, now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("%(name)s is ready. Give its agents a key.") % {"name": made.name})
            request.session[LAST_PROJECT] = made.slug
            return redirect("agents:keys", project=made.slug)
    return render(request, "agents/project_new.html", {"form": form})
