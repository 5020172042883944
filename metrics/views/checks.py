"""The patterns that text is checked with: what each looks for, how often it was seen, and a place to try a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from agents.access import page_project
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics.checks.catalogue import KINDS, PATTERNS, PLACES, Pattern
from metrics.selectors import flags as selector
from metrics.selectors import masking
from metrics.services import checks
from metrics.signs import KIND_LABELS, LOOKS, Sign, signs_of

SHOWN_DAYS = 30
SAMPLE_CHARS = 20_000
PLACE_LABELS = {
    "input": gettext_lazy("what a model is given"),
    "output": gettext_lazy("what a model says"),
    "arguments": gettext_lazy("what a tool is called with"),
    "context": gettext_lazy("what a request adds"),
}


class SampleForm(forms.Form):
    """A text to try the patterns on."""

    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=SAMPLE_CHARS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )
    place = forms.ChoiceField(
        label=gettext_lazy("It is"), choices=[(place, PLACE_LABELS[place]) for place in PLACES], initial="input"
    )
    given = forms.CharField(
        label=gettext_lazy("What the model was given"),
        max_length=SAMPLE_CHARS,
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=gettext_lazy("For what a model says: figures, dates and addresses are looked for in here."),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One pattern for the page; `seen` spans were flagged with it, `masked` is how much was taken out before."""

    pattern: Pattern
    title: str
    description: str
    look: str
    places: list[str]
    on: bool
    seen: int
    masked: int


@require_safe
def page(request: HttpRequest, project: str) -> HttpResponse:
    """All patterns by kind. Reads with telemetry.view."""
    return _page(request, page_project(request, project, Permission.TELEMETRY_VIEW), SampleForm())


@require_POST
def sample(request: HttpRequest, project: str) -> HttpResponse:
    """Checks a text with the project's patterns. Nothing is stored."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    form = SampleForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    text, given = form.cleaned_data["text"], form.cleaned_data["given"]
    checked = checks.try_text(found, text=text, place=form.cleaned_data["place"], given=given)
    signs = signs_of([flag.document for flag in checked.flags], lambda: {"text": text})
    return _page(request, found, form, signs=signs)


@require_POST
def switch(request: HttpRequest, project: str, pattern: str) -> HttpResponse:
    """Turns a pattern on or off for the project, with policy.edit."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    on = request.POST.get("on") == "1"
    try:
        checks.switch(project=found, pattern=pattern, on=on, by=person(request), now=clock.now())
    except ValidationError as error:
        raise Http404 from error
    messages.success(
        request,
        _("The pattern is on: what arrives from now on is checked with it.")
        if on
        else _("The pattern is off. What it flagged before keeps its flags."),
    )
    return redirect("metrics:checks", project=project)


def _page(
    request: HttpRequest,
    project: Project,
    form: SampleForm,
    *,
    signs: Sequence[Sign] | None = None,
    status: int = 200,
) -> HttpResponse:
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    rows = _rows(project)
    context: dict[str, Any] = {
        "tab": "checks",
        "may_edit": Permission.POLICY_EDIT in permissions,
        "may_switch": Permission.POLICY_EDIT in permissions,
        "groups": [(kind, KIND_LABELS[kind], [row for row in rows if row.pattern.kind == kind]) for kind in KINDS],
        "days": SHOWN_DAYS,
        "form": form,
        "signs": signs,
    }
    return render(request, "metrics/checks.html", context, status=status)


def _rows(project: Project) -> list[Row]:
    since = clock.now().date() - timedelta(days=SHOWN_DAYS - 1)
    seen, off = selector.seen_since(project, since), selector.off(project.pk)
    masked = masking.masked_since(project, since)
    return [
        Row(
            pattern=one,
            title=_(one.title),
            description=_(one.description),
            look=LOOKS[one.severity],
            places=[str(PLACE_LABELS[place]) for place in one.applies],
            on=one.id not in off,
            seen=seen.get(one.id, 0),
            masked=masked.get(one.name, 0) if one.rule == "personal" else 0,
        )
        for one in PATTERNS
    ]
