"""The masking of a project: what is masked and was masked, the form to change it, and a place to try it."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics.ingest.masking_own import MAX_PATTERNS
from metrics.masking_form import KIND_LABELS, MaskingForm, PatternRow, SampleForm, checked, posted_rows, rows_of
from metrics.selectors import masking as selector
from metrics.services import masking

SHOWN_DAYS = 30


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, project: str) -> HttpResponse:
    """Reads with audit.view, changes with project.manage. Adding or removing a row saves nothing."""
    changes = request.method == "POST"
    found = page_project(request, project, Permission.PROJECT_MANAGE if changes else Permission.AUDIT_VIEW)
    if not changes:
        return _page(request, found)
    form, rows = MaskingForm(request.POST), posted_rows(request.POST)
    if request.POST.get("do", "save") != "save":
        more = [PatternRow()] if request.POST["do"] == "add" and len(rows) < MAX_PATTERNS else []
        return _page(request, found, form=MaskingForm(initial=_typed(request)), rows=[*rows, *more])
    fine = checked(rows)
    if form.is_valid() and fine:
        own = [row.own() for row in rows if not row.is_empty]
        try:
            masking.change(project=found, **form.cleaned_data, patterns=own, by=person(request), now=clock.now())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The masking is saved. It holds for what arrives from now on."))
            return redirect("metrics:masking", project=project)
    return _page(request, found, form=form, rows=rows, status=422)


@require_POST
def sample(request: HttpRequest, project: str) -> HttpResponse:
    """Masks a text as the project's telemetry is masked. Nothing is stored."""
    found = page_project(request, project, Permission.AUDIT_VIEW)
    form = SampleForm(request.POST)
    if not form.is_valid():
        return _page(request, found, sample_form=form, status=422)
    masker = masking.masker_of(selector.policy_of(found))
    masked = masker.text(form.cleaned_data["sample"])
    return _page(request, found, sample_form=form, masked=masked, masked_kinds=_named(dict(masker.counts)))


def _typed(request: HttpRequest) -> dict[str, Any]:
    return {
        "enabled": "enabled" in request.POST,
        "mode": request.POST.get("mode"),
        "kinds": request.POST.getlist("kinds"),
    }


def _page(
    request: HttpRequest,
    project: Project,
    *,
    form: MaskingForm | None = None,
    rows: list[PatternRow] | None = None,
    sample_form: SampleForm | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    policy = selector.policy_of(project)
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    since = clock.now().date() - timedelta(days=SHOWN_DAYS - 1)
    context |= {
        "tab": "masking",
        "policy": policy,
        "may_change": Permission.PROJECT_MANAGE in permissions,
        "form": form or MaskingForm(initial=MaskingForm.initial_of(policy)),
        "rows": rows_of(policy) if rows is None else rows,
        "most_patterns": MAX_PATTERNS,
        "sample_form": sample_form or SampleForm(),
        "counts": _named(selector.masked_since(project, since)),
        "days": SHOWN_DAYS,
    }
    return render(request, "metrics/masking.html", context, status=status)


def _named(counts: dict[str, int]) -> list[tuple[Any, str, int]]:
    """Counts with what people call the kinds; a project's own pattern is called by its name."""
    return [(KIND_LABELS.get(kind, kind), kind, count) for kind, count in counts.items()]
