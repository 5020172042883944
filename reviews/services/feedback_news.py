"""What the world is told of new examples: webhooks one event each, and those who follow the stream that it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from agents import selectors
from agents.messages import Event, plain
from agents.services import outbox
from console.lib import notices
from console.lib.clock import rfc3339
from console.lib.gathering import Gathering
from reviews.addresses import example_of
from reviews.models import FeedbackExample

CREATED = "feedback.created"
TOPIC = "feedback"
"""What the notice that wakes those who follow the stream is about; its word is the project's id."""


def tell(examples: Sequence[FeedbackExample], *, now: datetime) -> None:
    """Tells of revisions that have just been written, in the caller's transaction.

    Webhooks hear of what was decided, and only in projects where somebody wants to: whoever asks for an event later is
    told of what comes later. The notice goes out after the commit, several at once: a follower that misses one looks
    for itself before its wait is over.
    """
    projects = {example.project_id for example in examples}
    transaction.on_commit(lambda: _followers.add(dict.fromkeys(projects, True)))
    decided = [example for example in examples if example.verdict not in FeedbackExample.UNDECIDED]
    if not decided:
        return
    told = selectors.projects_told_of(CREATED, projects)
    if told:
        with translation.override(settings.LANGUAGE_CODE):  # whoever reads it is not whoever caused it
            events = [_event(example) for example in decided if example.project_id in told]
        outbox.record(events=events, now=now)


def _event(example: FeedbackExample) -> Event:
    approval, index = example.approval, example.item.index
    path = example_of(approval.project.slug, approval.pk, index)
    facts = {"action": plain(example.action), "verdict": example.get_verdict_display(), "number": example.revision}
    words = (
        _("Labelled example %(action)s: %(verdict)s")
        if example.revision == 1
        else _("Labelled example %(action)s: %(verdict)s, revision %(number)d")
    )
    return Event(
        project_id=example.project_id,
        type=CREATED,
        title=words % facts,
        body=", ".join(plain(label) for label in example.labels),
        path=path,
        risk=approval.risk_level,
        team_id=approval.routed_to_id,
        data=document(example, path=path),
    )


def document(example: FeedbackExample, *, path: str) -> dict[str, Any]:
    """The `data` of the webhook: which example, and what can be chosen by. The whole line is in the stream.

    It has no cursor: whoever went on from there could pass by an example that is committed a moment later.
    """
    approval = example.approval
    return {
        "id": f"{approval.pk}:{example.item.index}",
        "revision": example.revision,
        "cause": example.cause,
        "url": settings.PUBLIC_URL + path,
        "approval_id": str(approval.pk),
        "action": example.action,
        "verdict": example.verdict,
        "labels": example.labels,
        "outcome": (example.outcome or {}).get("status"),
        "agent": {"name": approval.agent, "version": approval.agent_version} if approval.agent else None,
        "session_id": approval.session_id or None,
        "trace_id": approval.trace_id or None,
        "recorded_at": rfc3339(example.recorded_at),
    }


def _wake(projects: Mapping[int, bool]) -> None:
    notices.send(TOPIC, [str(project) for project in projects])


_followers = Gathering(_wake, name="feedback-followers")
