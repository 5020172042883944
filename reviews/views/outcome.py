"""Where people say how an approved action went, when its agent has not."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.permissions import Permission
from agents.views.person import person
from console.lib import clock
from reviews.access import page_approval
from reviews.services.outcomes import OUTCOMES, NotGranted, record_outcome
from reviews.views.hold import shown_again

NOTE_CHARS = 1_000


def outcome(request: HttpRequest, project: str, approval_id: UUID) -> HttpResponse:
    """POST queue/<id>/outcome/: `status` is what became of it, `note` a word about it."""
    approval = page_approval(request, project, approval_id, Permission.APPROVAL_DECIDE)
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    status = request.POST.get("status", "")
    if status not in OUTCOMES:
        return shown_again(request, approval, _("Choose how it went."), kind="warn")
    note = request.POST.get("note", "").replace("\x00", "").strip()[:NOTE_CHARS]
    detail = {"note": note} if note else {}
    by = Caller(user=person(request))
    try:
        record_outcome(approval=approval, by=by, status=status, detail=detail, now=clock.now())
    except NotGranted:
        return shown_again(request, approval, _("Nothing was approved here that could have an outcome."), kind="warn")
    return shown_again(request, approval, _("Kept with the labelled example."))
