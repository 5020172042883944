"""Datasets: what is saved, what was frozen of it, and its files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from console.lib.http import Problem
from reviews.dataset_forms import DatasetForm, initial_of
from reviews.exporting import FORMATS
from reviews.exporting.label_studio import CONFIG
from reviews.freezing import SPLITS
from reviews.models import Dataset, DatasetVersion
from reviews.selectors.datasets import datasets_page, exports_page, versions_page, with_versions
from reviews.services import datasets as services
from reviews.services import exports

PAGE_ROWS = 50
EXPORTS_SHOWN = 20
CARD_ROWS = 12
DIMENSIONS = {
    "split": gettext_lazy("Split"),
    "verdict": gettext_lazy("Verdict"),
    "label": gettext_lazy("Label"),
    "outcome": gettext_lazy("Outcome"),
    "agent": gettext_lazy("Agent"),
    "action": gettext_lazy("Action"),
}


@dataclass(frozen=True)
class Count:
    """One line of a card's table: a name, how many lines have it, and which share of all."""

    name: str
    number: int
    share: float


@require_safe
def datasets(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/datasets/: what is saved, the newest first."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    rows, cursor = _paged(lambda: datasets_page(found, cursor=request.GET.get("cursor") or None, size=PAGE_ROWS))
    context = {"project": found, "rows": rows, "next": cursor, "may": _may_export(request)}
    return render(request, "reviews/datasets.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """GET feedback/datasets/new/: the form, beginning with the filters in the query. POST: saves and freezes it."""
    found = page_project(request, project, Permission.FEEDBACK_EXPORT)
    form = DatasetForm(request.POST) if request.method == "POST" else DatasetForm(initial=initial_of(request.GET))
    if form.is_bound and form.is_valid():
        caller, now = Caller(user=person(request)), clock.now()
        try:
            made = services.create_dataset(project=found, by=caller, draft=form.draft(), now=now)
            version = services.freeze(dataset=made, by=caller, now=now)
        except ValidationError as error:
            form.refuse(error)
        else:
            return redirect("reviews:dataset-version", project=project, dataset=made.pk, number=version.number)
    context = {"project": found, "form": form}
    return render(request, "reviews/dataset_new.html", context, status=422 if form.errors else 200)


@require_safe
def dataset(request: HttpRequest, project: str, dataset: int) -> HttpResponse:
    """GET feedback/datasets/<id>/: its versions, the newest first."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    row = _dataset(found, dataset)
    versions, cursor = _paged(lambda: versions_page(row, cursor=request.GET.get("cursor") or None, size=PAGE_ROWS))
    context = {
        "project": found,
        "dataset": row,
        "versions": versions,
        "making": any(version.is_open for version in versions),
        "next": cursor,
        "filters": filters_of(row.filters),
        "may": _may_export(request),
    }
    return render(request, "reviews/dataset.html", context)


@require_POST
def freeze(request: HttpRequest, project: str, dataset: int) -> HttpResponse:
    """POST feedback/datasets/<id>/freeze/: orders the next version."""
    found = page_project(request, project, Permission.FEEDBACK_EXPORT)
    row = _dataset(found, dataset)
    try:
        version = services.freeze(dataset=row, by=Caller(user=person(request)), now=clock.now())
    except services.Busy:
        messages.info(request, _("A version of this dataset is being made already."))
        return redirect("reviews:dataset", project=project, dataset=dataset)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("reviews:dataset", project=project, dataset=dataset)
    return redirect("reviews:dataset-version", project=project, dataset=dataset, number=version.number)


@require_safe
def version(request: HttpRequest, project: str, dataset: int, number: int) -> HttpResponse:
    """GET feedback/datasets/<id>/versions/<n>/: the card of a version and its files, or how far it has got."""
    found = page_project(request, project, Permission.FEEDBACK_VIEW)
    row = _version(found, dataset, number)
    files, _more = exports_page(found, version=row, cursor=None, size=EXPORTS_SHOWN)
    context = {
        "project": found,
        "dataset": row.dataset,
        "version": row,
        "filters": filters_of(row.filters),
        "counts": [(title, _counts(row, name)) for name, title in DIMENSIONS.items()] if row.card else [],
        "period": [datetime.fromisoformat(moment) for moment in row.card.get("period", [])],
        "exports": [(file, FORMATS.get(file.format)) for file in files],
        "busy": row.is_open or any(file.is_open for file in files),
        "formats": FORMATS.values(),
        "splits": SPLITS,
        "labelling": CONFIG,
        "may": _may_export(request),
    }
    return render(request, "reviews/dataset_version.html", context)


@require_POST
def export(request: HttpRequest, project: str, dataset: int, number: int) -> HttpResponse:
    """POST feedback/datasets/<id>/versions/<n>/exports/: orders a file."""
    found = page_project(request, project, Permission.FEEDBACK_EXPORT)
    row = _version(found, dataset, number)
    try:
        exports.order(
            version=row,
            by=Caller(user=person(request)),
            format=request.POST.get("format", ""),
            split=request.POST.get("split", ""),
            now=clock.now(),
        )
    except exports.TooMany as error:
        messages.error(request, str(error))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("The file is being made. You can leave this page: it is here when you come back."))
    return redirect("reviews:dataset-version", project=project, dataset=dataset, number=number)


def filters_of(filters: dict[str, str]) -> list[tuple[str, Any]]:
    """A saved filter in words and values; times as times."""
    titles = {
        "action": _("Action"),
        "verdict": _("Verdict"),
        "agent": _("Agent"),
        "label": _("Label"),
        "outcome": _("Outcome"),
        "since": _("Decided from"),
        "until": _("Decided before"),
    }
    return [
        (title, datetime.fromisoformat(filters[name]) if name in {"since", "until"} else filters[name])
        for name, title in titles.items()
        if filters.get(name)
    ]


def _counts(row: DatasetVersion, dimension: str) -> list[Count]:
    found = row.card.get("counts", {}).get(dimension, {})
    names = sorted(found.items(), key=lambda pair: -pair[1])[:CARD_ROWS]
    return [Count(name, number, number / max(row.examples, 1)) for name, number in names]


def _paged(read: Any) -> Any:
    try:
        return read()
    except Problem as problem:
        raise BadRequest(problem.detail) from None


def _dataset(project: Project, key: int) -> Dataset:
    row = with_versions(Dataset.objects.filter(project=project, pk=key)).first() if key < 2**63 else None
    if row is None:
        raise Http404
    return row


def _version(project: Project, dataset: int, number: int) -> DatasetVersion:
    if dataset >= 2**63 or number >= 2**31:
        raise Http404
    rows = DatasetVersion.objects.select_related("dataset")
    row = rows.filter(dataset__project=project, dataset=dataset, number=number).first()
    if row is None:
        raise Http404
    return row


def _may_export(request: HttpRequest) -> bool:
    permissions: frozenset[Permission] = getattr(request, "project_permissions", frozenset())
    return Permission.FEEDBACK_EXPORT in permissions
