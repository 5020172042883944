"""Working an annotation queue: taking the next item, the trace beside the form, scoring and skipping."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.access import page_project
from agents.authentication import Caller
from agents.models import Project, User
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from metrics import access
from metrics.forms import ConfiguredForm
from metrics.models import AnnotationItem
from metrics.models.annotation import ItemState, ReviewState
from metrics.scoring import ANNOTATION, Refused
from metrics.selectors import annotation as selector
from metrics.selectors import spans, traces
from metrics.services import annotation_queues, annotation_work
from metrics.services.annotation_work import NotAsked, Taken
from metrics.services.score_configs import Misfits

VERBS = ("take", "skip", "release", "renew")


@require_POST
def take_next(request: HttpRequest, project: str, queue_id: int) -> HttpResponse:
    """Takes the next item of the queue and opens it."""
    found = page_project(request, project, Permission.SCORE_CREATE)
    queue = access.annotation_queue(found, queue_id)
    try:
        item = annotation_work.take_next(queue=queue, by=person(request), now=clock.now())
    except NotAsked:
        messages.error(request, _("This queue asks other people: see who is in its team."))
        return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)
    if item is None:
        messages.success(request, _("Nothing is left for you here."))
        return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)
    return redirect("metrics:annotation-item", project=project, queue_id=queue_id, item_id=item.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def item(request: HttpRequest, project: str, queue_id: int, item_id: int) -> HttpResponse:
    """One item beside its form. POST stores the scores and opens the next item."""
    submits = request.method == "POST"
    found = page_project(request, project, Permission.SCORE_CREATE if submits else Permission.TELEMETRY_VIEW)
    one = access.annotation_item(access.annotation_queue(found, queue_id), item_id)
    if not submits:
        return _page(request, found, one)
    me, form = person(request), _form(one, request.POST)
    if not form.is_valid():
        return _page(request, found, one, form=form)
    drafts = form.drafts(
        trace_id=bytes(one.trace_id),
        span_id=bytes(one.span_id) if one.span_id else None,
        own_id=f"{ANNOTATION}{one.pk}:{me.pk}",
    )
    try:
        result = annotation_work.submit(item=one, drafts=drafts, by=me, now=clock.now())
    except NotAsked:
        messages.error(request, _("This queue asks other people: see who is in its team."))
        return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)
    except Misfits as misfits:
        for place, refusal in misfits.refusals.items():
            form.refuse(drafts[place].name, refusal.message)
        return _page(request, found, one, form=form)
    if not isinstance(result, Taken):
        messages.info(request, result.sentence)
    return take_next(request, project=project, queue_id=queue_id)


@require_POST
def act(request: HttpRequest, project: str, queue_id: int, item_id: int, verb: str) -> HttpResponse:
    """`take` opens the item for scoring, `skip` leaves it to others, `release` gives it up, `renew` keeps it."""
    found = page_project(request, project, Permission.SCORE_CREATE)
    one = access.annotation_item(access.annotation_queue(found, queue_id), item_id)
    me, now = person(request), clock.now()
    try:
        if verb == "release":
            annotation_work.release(item=one, by=me)
            return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)
        if verb == "renew":
            annotation_work.take(item=one, by=me, now=now)
            return HttpResponse(status=204)
        acts = annotation_work.skip if verb == "skip" else annotation_work.take
        result = acts(item=one, by=me, now=now)
    except NotAsked:
        messages.error(request, _("This queue asks other people: see who is in its team."))
        return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)
    if not isinstance(result, Taken):
        messages.info(request, result.sentence)
    if verb == "skip":
        return take_next(request, project=project, queue_id=queue_id)
    return redirect("metrics:annotation-item", project=project, queue_id=queue_id, item_id=item_id)


@require_POST
def assign(request: HttpRequest, project: str, queue_id: int, item_id: int) -> HttpResponse:
    """Gives an item to one person, or back to all."""
    found = page_project(request, project, Permission.POLICY_EDIT)
    one = access.annotation_item(access.annotation_queue(found, queue_id), item_id)
    raw = request.POST.get("person", "")
    chosen = next((user for user in selector.askable(one.queue) if str(user.pk) == raw), None)
    try:
        if raw and chosen is None:
            raise Refused("person", _("This person is not asked by this queue."))
        by = Caller(user=person(request))
        annotation_queues.assign(item=one, person=chosen, by=by, now=clock.now())
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect("metrics:annotation-queue", project=project, queue_id=queue_id)


def _form(one: AnnotationItem, data: Any = None) -> ConfiguredForm:
    configs = one.queue.configs.filter(archived_at__isnull=True).order_by("name")
    return ConfiguredForm(data, configs=configs, auto_id="annotate-%s")


def _page(
    request: HttpRequest, project: Project, one: AnnotationItem, *, form: ConfiguredForm | None = None
) -> HttpResponse:
    now, me = clock.now(), person(request)
    trace = traces.find(project.pk, bytes(one.trace_id))
    span_hex = bytes(one.span_id).hex() if one.span_id else ""
    if trace is not None and not span_hex:
        heads = spans.heads(trace)
        span_hex = heads[0].id if heads else ""
    held = one.locked_until is not None and one.locked_until > now
    context = {
        "project": project,
        "item": one,
        "queue": one.queue,
        "trace": trace,
        "trace_hex": bytes(one.trace_id).hex(),
        "span_hex": span_hex,
        "form": form or _form(one),
        "mine": held and one.locked_by_id == me.pk and one.state == ItemState.WAITING,
        "held_by": one.locked_by if held and one.locked_by_id != me.pk else None,
        "through": _through(one, me),
        "asks_me": annotation_queues.asked(one.queue, me),
        "progress": selector.progress([one.queue_id])[one.queue_id],
        "most": selector.MOST_COUNTED,
    }
    return render(request, "metrics/annotation_item.html", context, status=422 if form and form.errors else 200)


def _through(one: AnnotationItem, me: User) -> bool:
    """Whether this person has scored the item, or everybody has who was needed."""
    return one.state == ItemState.DONE or one.reviews.filter(user=me, state=ReviewState.DONE).exists()
