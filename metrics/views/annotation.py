"""Annotation queues: the list, one queue with its items and progress, and what a queue is set to."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics import access
from metrics.annotating import Target
from metrics.annotation_forms import QueueForm, RuleForm
from metrics.models import AnnotationQueue
from metrics.models.annotation import ItemState
from metrics.scoring import Refused
from metrics.selectors import annotation as selector
from metrics.selectors import score_configs
from metrics.services import annotation_queues
from metrics.views.paging import before_in

PAGE_ROWS = 50


def listing(request: HttpRequest, project: str) -> HttpResponse:
    """The project's queues, and how far each is."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    context = {
        "project": found,
        "rows": selector.queues(found.pk),
        "most": selector.MOST_COUNTED,
        "has_configs": bool(score_configs.offered(found.pk)),
        **_rights(request),
    }
    return render(request, "metrics/annotation.html", context)


def queue(request: HttpRequest, project: str, queue_id: int) -> HttpResponse:
    """One queue: progress, who has done what, and the items, newest first; `?state=` narrows them."""
    found = page_project(request, project, Permission.TELEMETRY_VIEW)
    one = access.annotation_queue(found, queue_id)
    state = request.GET.get("state", "")
    state = state if state in ItemState.values else ""
    rows, after = selector.items(one, state=state, before=before_in(request), limit=PAGE_ROWS)
    context = {
        "project": found,
        "queue": one,
        "progress": selector.progress([one.pk])[one.pk],
        "most": selector.MOST_COUNTED,
        "rows": rows,
        "after": after,
        "state": state,
        "people": selector.people(one),
        "askable": selector.askable(one) if _rights(request)["may_edit"] else [],
        "now": clock.now(),
        "asks_me": annotation_queues.asked(one, person(request)),
        **_rights(request),
    }
    return render(request, "metrics/annotation_queue.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, project: str) -> HttpResponse:
    """Makes a queue."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    form = QueueForm(request.POST if request.method == "POST" else None, project=found)
    if request.method == "POST" and form.is_valid():
        try:
            made = annotation_queues.create(project=found, spec=form.spec(), by=_caller(request), now=clock.now())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The queue is made. Say now what fills it."))
            return redirect("metrics:annotation-settings", project=project, queue_id=made.pk)
    has_configs = bool(score_configs.offered(found.pk))
    context = {"project": found, "form": form, "queue": None, "has_configs": has_configs}
    return render(request, "metrics/annotation_settings.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, project: str, queue_id: int) -> HttpResponse:
    """What a queue asks for and what fills it. POST changes the first."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    one = access.annotation_queue(found, queue_id)
    posted = request.POST if request.method == "POST" else None
    form = QueueForm(posted, project=found, initial=QueueForm.initial_of(one))
    if posted is not None and form.is_valid():
        try:
            annotation_queues.change(queue=one, spec=form.spec(), by=_caller(request), now=clock.now())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The queue is saved."))
            return redirect("metrics:annotation-settings", project=project, queue_id=queue_id)
    return _settings(request, found, one, form=form)


@require_POST
def archive(request: HttpRequest, project: str, queue_id: int) -> HttpResponse:
    """Closes a queue."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    one = access.annotation_queue(found, queue_id)
    annotation_queues.archive(queue=one, by=_caller(request), now=clock.now())
    messages.success(request, _("The queue is archived. Its scores stay."))
    return redirect("metrics:annotation", project=project)


@require_POST
def add_rule(request: HttpRequest, project: str, queue_id: int) -> HttpResponse:
    """Adds a rule that fills the queue from now on."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    one = access.annotation_queue(found, queue_id)
    form = RuleForm(request.POST)
    if form.is_valid():
        try:
            annotation_queues.add_rule(queue=one, spec=form.spec(), by=_caller(request), now=clock.now())
        except Refused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, _("The rule fills the queue from now on."))
            return redirect("metrics:annotation-settings", project=project, queue_id=queue_id)
    return _settings(request, found, one, rule_form=form)


@require_POST
def remove_rule(request: HttpRequest, project: str, queue_id: int, rule_id: int) -> HttpResponse:
    """Takes a rule away."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    rule = access.annotation_rule(access.annotation_queue(found, queue_id), rule_id)
    annotation_queues.remove_rule(rule=rule, by=_caller(request), now=clock.now())
    messages.success(request, _("The rule is gone. What it put into the queue stays."))
    return redirect("metrics:annotation-settings", project=project, queue_id=queue_id)


@require_POST
def add(request: HttpRequest, project: str, trace_id: str) -> HttpResponse:
    """Puts a trace, or the span that `span` names, into the queue that `queue` names, and goes back to it."""
    found = page_project(request, project, Permission.SCORE_CREATE)
    trace = access.trace(found, trace_id)
    raw = request.POST.get("queue", "")
    one = access.annotation_queue(found, int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 19 else 0)
    wanted = request.POST.get("span")
    span_id = bytes(access.span(trace, wanted).span_id) if wanted else None
    target = Target(bytes(trace.trace_id), span_id)
    new_items = annotation_queues.add(queue=one, targets=[target], by=_caller(request), now=clock.now())
    said = _("Added to %(name)s.") if new_items else _("It is in %(name)s already.")
    messages.success(request, said % {"name": one.name})
    return redirect("metrics:trace", project=project, trace_id=trace_id)


def _settings(
    request: HttpRequest,
    project: Project,
    one: AnnotationQueue,
    *,
    form: QueueForm | None = None,
    rule_form: RuleForm | None = None,
) -> HttpResponse:
    context = {
        "project": project,
        "queue": one,
        "form": form or QueueForm(project=project, initial=QueueForm.initial_of(one)),
        "rule_form": rule_form or RuleForm(),
        "rules": one.rules.order_by("pk"),
        "has_configs": True,
    }
    refused = bool((form and form.errors) or (rule_form and rule_form.errors))
    return render(request, "metrics/annotation_settings.html", context, status=422 if refused else 200)


def _rights(request: HttpRequest) -> dict[str, Any]:
    permissions: frozenset[str] = getattr(request, "project_permissions", frozenset())
    return {
        "may_edit": Permission.POLICY_EDIT in permissions,
        "may_score": Permission.SCORE_CREATE in permissions,
    }


def _caller(request: HttpRequest) -> Caller:
    return Caller(user=person(request))
