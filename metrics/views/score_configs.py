"""What scores of a name must look like: the list, a new one, one that is changed or archived."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.access import page_project
from agents.authentication import Caller
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics import access
from metrics.forms import ScoreConfigForm
from metrics.scoring import Refused
from metrics.selectors import score_configs as selector
from metrics.services import score_configs
from metrics.views.paging import before_in

PAGE_ROWS = 50


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The configs, newest first; `?archived=1` shows those too that bind nobody any more."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    archived = request.GET.get("archived") == "1"
    rows = selector.page(found.pk, archived=archived, before=before_in(request), limit=PAGE_ROWS + 1)
    context = {
        "project": found,
        "rows": rows[:PAGE_ROWS],
        "after": rows[PAGE_ROWS - 1].pk if len(rows) > PAGE_ROWS else None,
        "archived": archived,
        "may_change": Permission.POLICY_EDIT in getattr(request, "project_permissions", frozenset()),
    }
    return render(request, "metrics/score_configs.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Agrees on a form of scores."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    form = ScoreConfigForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (spec := form.spec()):
        try:
            score_configs.create(project=found, spec=spec, by=Caller(user=person(request)), now=clock.now())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("From now on scores of this name must fit."))
            return redirect("metrics:score-configs", project=project)
    context = {"project": found, "form": form, "config": None}
    return render(request, "metrics/score_config.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, project: str, config_id: int) -> HttpResponse:
    """Changes a config; `do` archives or restores it and changes nothing else."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    config = access.score_config(found, config_id)
    initial = ScoreConfigForm.initial_of(config)
    archived = config.archived_at is not None
    posted = request.method == "POST"
    if posted and request.POST.get("do") in {"archive", "restore"}:
        archived = request.POST["do"] == "archive"
        form = ScoreConfigForm(initial, initial=initial, config=config)
    else:
        form = ScoreConfigForm(request.POST if posted else None, initial=initial, config=config)
    if posted and form.is_valid() and (spec := form.spec()):
        by = Caller(user=person(request))
        try:
            score_configs.change(config=config, spec=spec, archived=archived, by=by, now=clock.now())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("Saved. Scores that were given stay as they are."))
            return redirect("metrics:score-configs", project=project)
    context = {"project": found, "form": form, "config": config}
    return render(request, "metrics/score_config.html", context, status=422 if form.errors else 200)
