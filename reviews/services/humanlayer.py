"""Requests under the ids that clients of the HumanLayer API choose for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from agents.authentication import Caller
from agents.models import Project
from agents.rosters import roster_of
from reviews.models import HumanLayerCall
from reviews.services.deciders import not_asked
from reviews.services.decisions import same_json
from reviews.services.information import post_message
from reviews.services.requests import RequestDraft, create_request
from reviews.services.routing import tell_asked
from reviews.services.transitions import AlreadyDecided


class CallIdTaken(ValueError):
    """The project has another call under this id."""


def make_call(
    *,
    project: Project,
    by: Caller,
    kind: HumanLayerCall.Kind,
    call_id: str,
    run_id: str,
    spec: dict[str, Any],
    draft: RequestDraft,
    now: datetime,
) -> HumanLayerCall:
    """Makes the request, or finds it when the same call was sent before, as clients do that lost the answer.

    Raises CallIdTaken.
    """
    named = HumanLayerCall.objects.filter(project=project, kind=kind, call_id=call_id)
    found = named.first() or _make(project, by, kind, call_id, run_id, spec, draft, now) or named.get()
    if found.run_id != run_id or not same_json(found.spec, spec):
        raise CallIdTaken("There is another call under this id.")
    return found


@transaction.atomic
def escalate(*, call: HumanLayerCall, by: Caller, text: str, now: datetime) -> AlreadyDecided | None:
    """Adds the agent's reason why it cannot wait, and tells those who are asked once more; None when that worked."""
    approval = call.approval
    lost = post_message(approval=approval, by=by, text=text, now=now)
    if lost is None:
        roster = roster_of(approval.project_id, now=now)
        without = not_asked([approval], now=now)
        tell_asked(
            project=approval.project,
            rows=[approval],
            roster=roster,
            kind="approval.escalated",
            without=without,
            now=now,
        )
    return lost


def _make(
    project: Project,
    by: Caller,
    kind: HumanLayerCall.Kind,
    call_id: str,
    run_id: str,
    spec: dict[str, Any],
    draft: RequestDraft,
    now: datetime,
) -> HumanLayerCall | None:
    """None when somebody else has made a call of this id at the same moment: theirs is found now, ours is undone."""
    try:
        with transaction.atomic():
            approval = create_request(project=project, by=by, draft=draft, now=now)
            return HumanLayerCall.objects.create(
                project=project, approval=approval, kind=kind, call_id=call_id, run_id=run_id, spec=spec
            )
    except IntegrityError:
        return None
