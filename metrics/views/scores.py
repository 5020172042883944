"""Scores on the trace page: read with the trace, given, corrected and taken back by people who may."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.models import Project, User
from agents.permissions import Permission
from console.lib import clock
from metrics import access
from metrics.forms import ConfiguredForm, ScoreForm
from metrics.models import Score, Trace
from metrics.models.score import Source
from metrics.scoring import Draft
from metrics.selectors import annotation, score_configs
from metrics.selectors import scores as selector
from metrics.services import scores
from metrics.services.score_configs import Misfits


def scores_context(
    request: HttpRequest,
    project: Project,
    trace: Trace,
    span_id: bytes | None,
    *,
    form: ScoreForm | None = None,
    configured: ConfiguredForm | None = None,
    edited: Score | None = None,
) -> dict[str, Any]:
    """What `_scores.html` shows of a span, or with None of the trace as a whole. The forms are refused ones."""
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    may_score = Permission.SCORE_CREATE in permissions
    if may_score and form is None:
        form = _form(project, span_id, edited)
    if may_score and configured is None:
        configured = _configured(project, span_id)
    given = selector.of_trace(project.pk, bytes(trace.trace_id), span_id)
    # Who is asked in a queue judges for themselves first: here is where they would read what others have said.
    asked = annotation.unanswered(project.pk, bytes(trace.trace_id), _person(request)) if may_score else None
    shown = [score for score in given if asked is None or not asked.covers(score)]
    return {
        "project": project,
        "trace_hex": bytes(trace.trace_id).hex(),
        "scored_span": span_id.hex() if span_id else "",
        "scores": [score for score in shown if span_id or not score.span_id],
        "scores_below": [score for score in shown if score.span_id and not span_id],
        "scores_hidden": len(given) - len(shown),
        "may_score": may_score,
        "score_form": form,
        "configured_form": configured if configured and configured.configs else None,
        "edited": edited,
        "me": request.user.pk,
    }


@require_http_methods(["GET", "HEAD", "POST"])
def of_trace(request: HttpRequest, project: str, trace_id: str) -> HttpResponse:
    """The scores of the trace, or of the span that `span` names; POST adds one."""
    adds = request.method == "POST"
    found = page_project(request, project, Permission.SCORE_CREATE if adds else Permission.TELEMETRY_VIEW)
    trace = access.trace(found, trace_id)
    wanted = (request.POST if adds else request.GET).get("span")
    span_id = bytes(access.span(trace, wanted).span_id) if wanted else None
    if not adds:
        return _answer(request, found, trace, span_id)
    if "configured" in request.POST:
        return _add_configured(request, found, trace, span_id)
    form = _form(found, span_id, None, request.POST)
    if form.is_valid():
        draft = Draft(trace_id=bytes(trace.trace_id), span_id=span_id, **_values(form))
        try:
            scores.record(project=found, drafts=[draft], source=Source.HUMAN, by=_person(request), now=clock.now())
        except Misfits as misfits:
            _refuse(form, misfits)
        else:
            return _answer(request, found, trace, span_id)
    return _answer(request, found, trace, span_id, form=form, status=422)


def _add_configured(request: HttpRequest, project: Project, trace: Trace, span_id: bytes | None) -> HttpResponse:
    """Adds the scores of the agreed names that were filled in, all or none."""
    form = _configured(project, span_id, request.POST)
    if form.is_valid():
        drafts = form.drafts(trace_id=bytes(trace.trace_id), span_id=span_id)
        try:
            scores.record(project=project, drafts=drafts, source=Source.HUMAN, by=_person(request), now=clock.now())
        except Misfits as misfits:
            for place, refusal in misfits.refusals.items():
                form.refuse(drafts[place].name, refusal.message)
        else:
            return _answer(request, project, trace, span_id)
    return _answer(request, project, trace, span_id, configured=form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, project: str, trace_id: str, score_id: int) -> HttpResponse:
    """The form of one's own score, and its correction."""
    found = page_project(request, project, Permission.SCORE_CREATE)
    trace = access.trace(found, trace_id)
    score = access.own_score(trace, score_id, _person(request))
    span_id = bytes(score.span_id) if score.span_id else None
    if request.method != "POST":
        return _answer(request, found, trace, span_id, edited=score)
    form = _form(found, span_id, score, request.POST)
    if form.is_valid():
        try:
            scores.change(score=score, by=_person(request), now=clock.now(), **_values(form))
        except Misfits as misfits:
            _refuse(form, misfits)
        else:
            return _answer(request, found, trace, span_id)
    return _answer(request, found, trace, span_id, form=form, edited=score, status=422)


@require_POST
def remove(request: HttpRequest, project: str, trace_id: str, score_id: int) -> HttpResponse:
    """Takes one's own score back."""
    found = page_project(request, project, Permission.SCORE_CREATE)
    trace = access.trace(found, trace_id)
    score = access.own_score(trace, score_id, _person(request))
    scores.remove(score=score, by=_person(request), now=clock.now())
    return _answer(request, found, trace, bytes(score.span_id) if score.span_id else None)


def _answer(
    request: HttpRequest, project: Project, trace: Trace, span_id: bytes | None, *, status: int = 200, **context: Any
) -> HttpResponse:
    shown = scores_context(request, project, trace, span_id, **context)
    return render(request, "metrics/_scores.html", shown, status=status)


def _form(project: Project, span_id: bytes | None, edited: Score | None, data: Any = None) -> ScoreForm:
    place = span_id.hex() if span_id else "trace"
    return ScoreForm(
        data,
        initial=ScoreForm.initial_of(edited) if edited else None,
        names=selector.names(project.pk),
        auto_id=f"score-{place}-%s",
    )


def _configured(project: Project, span_id: bytes | None, data: Any = None) -> ConfiguredForm:
    place = span_id.hex() if span_id else "trace"
    return ConfiguredForm(data, configs=score_configs.offered(project.pk), auto_id=f"configured-{place}-%s")


def _refuse(form: ScoreForm, misfits: Misfits) -> None:
    """Shows why the score of the form was not taken."""
    for refusal in misfits.refusals.values():
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)


def _values(form: ScoreForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("name", "value", "label", "comment")}


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404  # pages require somebody signed in
    return request.user
