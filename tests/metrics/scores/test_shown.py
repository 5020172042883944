"""Scores on pages: of sessions, and those of others only to people who have judged for themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import Project, User
from metrics.annotating import Target
from metrics.models import AnnotationQueue, Score, ScoreConfig
from metrics.models.score import Source
from metrics.scoring import Draft
from metrics.services import annotation_queues, scores, sessions
from metrics.services.annotation_queues import QueueSpec
from tests.metrics.sending import NOW, Sending

Person = Callable[..., User]
HIDDEN = "once you have scored this"


@pytest.mark.parametrize("of_span", [True, False])
def test_people_who_are_asked_see_what_others_said_after_their_own_answer(
    sending: Sending,
    queue: AnnotationQueue,
    lead: User,
    person: Person,
    rating: ScoreConfig,
    browser_of: Any,
    of_span: bool,
) -> None:
    spec = QueueSpec("Look again", [rating], reviewers=3)
    annotation_queues.change(queue=queue, spec=spec, by=Caller(user=lead), now=NOW)
    root = sending.agent()
    sending.send([root])
    target = Target(root.trace_id, root.span_id if of_span else None)
    annotation_queues.add(queue=queue, targets=[target], by=Caller(user=lead), now=NOW)
    ana, ben = browser_of(person("Ana")), browser_of(person("Ben"))
    trace = f"/p/fleet/traces/{root.trace_id.hex()}/"
    item = ana.post(f"/p/fleet/annotation/{queue.pk}/next/").url
    ana.post(item, {f"config-{rating.pk}": "2", "comment": "Rude to the customer"})
    Score.objects.create(
        project=queue.project, trace_id=root.trace_id, span_id=target.span_id, name="length", value=7, source="sdk",
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    pages = [f"{trace}spans/{root.span_id.hex()}/", trace] if of_span else [f"{trace}scores/", trace]
    for page in pages:
        told = ben.get(page).content.decode()
        assert "Rude to the customer" not in told
        assert HIDDEN in told
        assert "length" in told
    assert "Rude to the customer" in ana.get(pages[0]).content.decode()
    item = ben.post(f"/p/fleet/annotation/{queue.pk}/next/").url
    ben.post(item, {f"config-{rating.pk}": "4"})
    told = ben.get(pages[0]).content.decode()
    assert "Rude to the customer" in told
    assert HIDDEN not in told


def test_the_page_of_a_session_shows_what_was_thought_of_it(
    project: Project, sending: Sending, lead: User, browser_of: Any
) -> None:
    root = sending.agent(attributes={"session.id": "chat-1"})
    sending.send([root])
    sessions.refresh(now=NOW)
    drafts = [Draft(trace_id=None, session_id="chat-1", name="satisfied", value=1, comment="Came back happy")]
    drafts += [Draft(trace_id=None, session_id="chat-2", name="satisfied", value=0, comment="Another one")]
    drafts += [Draft(trace_id=root.trace_id, name="tone", value=3, comment="Of the trace")]
    scores.record(project=project, drafts=drafts, source=Source.HUMAN, by=lead, now=NOW)
    told = browser_of(lead).get("/p/fleet/sessions/chat-1/").content.decode()
    assert "Came back happy" in told
    assert "Another one" not in told
    assert "Of the trace" not in told


def test_the_trace_beside_the_form_of_a_queue_has_no_other_form_and_nothing_that_drops_what_was_typed(
    sending: Sending, queue: AnnotationQueue, lead: User, browser_of: Any
) -> None:
    root = sending.agent()
    sending.send([root])
    annotation_queues.add(queue=queue, targets=[Target(root.trace_id)], by=Caller(user=lead), now=NOW)
    browser = browser_of(lead)
    item = browser.get(f"/p/fleet/annotation/{queue.pk}/items/{queue.items.get().pk}/").content.decode()
    span = f"/p/fleet/traces/{root.trace_id.hex()}/spans/{root.span_id.hex()}/"
    assert f'hx-get="{span}?alone=1"' in item
    assert "From 1 to 5." in item
    alone, panel = (browser.get(url).content.decode() for url in (f"{span}?alone=1", span))
    for part in ("data-panel-close", "<form"):
        assert part in panel
        assert part not in alone
