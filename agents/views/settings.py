"""A project's own settings."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.forms import ArchiveForm, SettingsForm
from agents.models import Project
from agents.permissions import Permission
from agents.services import projects
from agents.views.person import person
from console.lib import clock


@require_http_methods(["GET", "HEAD", "POST"])
def project_settings(request: HttpRequest, project: str) -> HttpResponse:
    """Name, reject reasons, retention. Of an archived project only the way back."""
    found = page_project(request, project, Permission.PROJECT_MANAGE, archived=True)
    if found.archived_at is not None:
        return render(request, "agents/archived.html", {"archived": found})
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=SettingsForm.initial_of(found))
    if request.method == "POST" and form.is_valid():
        try:
            projects.change_settings(project=found, **form.cleaned_data, by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The settings are saved."))
            return redirect("agents:project-settings", project=project)
    return _page(request, found, form, ArchiveForm(slug=found.slug))


@require_POST
def project_archive(request: HttpRequest, project: str) -> HttpResponse:
    """Archives the project when its address was typed."""
    found = page_project(request, project, Permission.PROJECT_MANAGE)
    confirmation = ArchiveForm(request.POST, slug=found.slug)
    if not confirmation.is_valid():
        return _page(request, found, SettingsForm(initial=SettingsForm.initial_of(found)), confirmation)
    projects.archive(project=found, by=person(request), now=clock.now())
    messages.success(request, _("%(name)s is archived. Its keys are refused from now on.") % {"name": found.name})
    return redirect("agents:project-settings", project=project)


@require_POST
def project_restore(request: HttpRequest, project: str) -> HttpResponse:
    """Puts an archived project back to use."""
    found = page_project(request, project, Permission.PROJECT_MANAGE, archived=True)
    projects.restore(project=found, by=person(request), now=clock.now())
    messages.success(request, _("%(name)s is back in use.") % {"name": found.name})
    return redirect("agents:project-settings", project=project)


def _page(request: HttpRequest, project: Project, form: SettingsForm, archive_form: ArchiveForm) -> HttpResponse:
    invalid = (form.is_bound and not form.is_valid()) or archive_form.is_bound
    context = {"form": form, "archive_form": archive_form, "tab": "general"}
    return render(request, "agents/settings.html", context, status=422 if invalid else 200)
