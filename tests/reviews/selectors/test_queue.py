"""What reviewers see: the order of the queue, its pages and counts, and all about one request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from agents.authentication import Caller
from agents.models import Membership, Project, Team, TeamMember
from console.lib.http import Problem
from reviews import states
from reviews.models import Approval
from reviews.selectors import queue
from reviews.selectors.queue import QueueFilter
from reviews.services import flow
from reviews.services.decisions import Ruling, decide
from reviews.services.outcomes import record_outcome
from reviews.services.requests import create_request
from tests.reviews.conftest import NOON, draft

pytestmark = pytest.mark.django_db
Make = Callable[..., Approval]
ALL = QueueFilter()


def actions(project: Project, **options: Any) -> list[str]:
    defaults: dict[str, Any] = {"now": NOON, "filters": ALL, "cursor": None, "size": 50}
    return [row.action for row in queue.queue_page(project, **(defaults | options)).rows]


def test_the_queue_is_ordered_by_deadline_and_within_a_minute_by_risk(project: Project, request_one: Make) -> None:
    request_one(action="later", timeout=timedelta(minutes=9), context={"irreversible": True})
    request_one(action="harmless", arguments={}, timeout=timedelta(minutes=2))
    request_one(action="risky", timeout=timedelta(minutes=2, seconds=30), context={"irreversible": True})
    request_one(action="soonest", timeout=timedelta(minutes=1), arguments={})
    assert actions(project) == ["soonest", "risky", "harmless", "later"]


def test_pages_follow_each_other_without_gaps_or_repeats(project: Project, request_one: Make) -> None:
    for n in range(11):
        request_one(arguments={"amount": n % 3 * 5_001}, timeout=timedelta(minutes=1 + n % 2))
    seen: list[str] = []
    cursor = None
    while True:
        page = queue.queue_page(project, now=NOON, filters=ALL, cursor=cursor, size=3)
        seen += [str(row.pk) for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 11
    assert set(seen) == {str(key) for key in Approval.objects.values_list("pk", flat=True)}


def test_what_somebody_holds_is_found_without_reading_the_queue(
    project: Project, request_one: Make, ana: Caller
) -> None:
    request_one()
    held = QueueFilter(whose="held", viewer_id=getattr(ana.user, "pk", 0))
    rows = held.applied(Approval.objects.of_project(project).waiting(), now=NOON).by_urgency()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # of one row everything else is faster
        assert "reviews_queue_of_holder" in rows.explain()


@pytest.mark.parametrize("cursor", ["zzz", "WzFd", "WzEsICJ4IiwgInkiXQ"])
def test_a_damaged_cursor_is_refused(project: Project, cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        queue.queue_page(project, now=NOON, filters=ALL, cursor=cursor, size=3)
    assert (refused.value.status, list(refused.value.errors)) == (400, ["cursor"])


def test_only_what_can_still_be_decided_is_in_the_queue(
    project: Project, other_project: Project, request_one: Make, ana: Caller
) -> None:
    decide(approval=request_one(), by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    request_one(action="overdue", timeout=timedelta(seconds=1))
    create_request(project=other_project, by=ana, draft=draft(action="elsewhere"), now=NOON)
    request_one(action="open")
    assert actions(project, now=NOON + timedelta(seconds=1)) == ["open"]


def test_filters_and_their_choices(project: Project, request_one: Make) -> None:
    request_one(action="a", agent="x")
    request_one(action="b", agent="x", arguments={})
    assert actions(project, filters=QueueFilter(action="a")) == ["a"]
    assert actions(project, filters=QueueFilter(agent="x", risk="low")) == ["b"]
    assert queue.queue_choices(project, now=NOON) == {"action": ["a", "b"], "agent": ["x"]}


def test_what_is_ones_own_is_assigned_to_one_or_waits_for_ones_team(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    assert ana.user is not None
    teams = [Team.objects.create(project=project, slug=slug, name=slug, created_at=NOON) for slug in ("pay", "ops")]
    TeamMember.objects.create(team=teams[0], membership=Membership.objects.get(user=ana.user))
    waits_for: dict[str, dict[str, Any]] = {
        "mine": {"assigned_to": ana.user},
        "my team's": {"routed_to": teams[0]},
        "a colleague's": {"routed_to": teams[0], "assigned_to": ben.user},
        "another team's": {"routed_to": teams[1]},
        "held": {"claimed_by": ana.user, "claimed_until": NOON + timedelta(minutes=1)},
        "was held": {"claimed_by": ana.user, "claimed_until": NOON},
        "held by another": {"claimed_by": ben.user, "claimed_until": NOON + timedelta(minutes=1)},
    }
    for name, columns in waits_for.items():
        Approval.objects.filter(pk=request_one(action=name).pk).update(**columns)

    def shown(**limits: Any) -> set[str]:
        return set(actions(project, filters=QueueFilter(viewer_id=ana.user.pk if ana.user else 0, **limits)))

    assert shown(whose="mine") == {"mine", "my team's"}
    assert shown(whose="assigned") == {"mine"}
    assert shown(whose="held") == {"held"}
    assert shown(team="pay") == {"my team's", "a colleague's"}
    assert len(shown()) == 7


def test_counts_by_risk_and_the_oldest_wait(project: Project, request_one: Make) -> None:
    assert queue.queue_counts(project, now=NOON) == queue.QueueCounts(0, {}, None)
    request_one()
    request_one(arguments={}, now=NOON + timedelta(seconds=5))
    counts = queue.queue_counts(project, now=NOON + timedelta(seconds=9))
    assert counts == queue.QueueCounts(2, {"low": 1, "medium": 1}, NOON)
    assert (queue.waiting_count(project, now=NOON), queue.waiting_count(project, now=NOON, cap=1)) == (2, 1)


def test_the_badge_counts_what_the_queue_counts(project: Project, request_one: Make) -> None:
    request_one(timeout=timedelta(seconds=1))
    request_one()
    later = NOON + timedelta(seconds=1)
    assert queue.waiting_count(project, now=later) == queue.queue_counts(project, now=later).waiting == 1


def test_precedents_are_the_same_action_of_the_same_project(
    project: Project, other_project: Project, request_one: Make, agent: Caller, ana: Caller, ben: Caller
) -> None:
    approve = Ruling(verdict=states.Verdict.APPROVE)
    reject = Ruling(verdict=states.Verdict.REJECT, reason="no")
    for ruling in (approve, approve, reject):
        decide(approval=request_one(), by=ana, ruling=ruling, now=NOON)
    decide(approval=request_one(action="other"), by=ana, ruling=reject, now=NOON)
    foreign = create_request(project=other_project, by=agent, draft=draft(), now=NOON)
    decide(approval=foreign, by=ana, ruling=reject, now=NOON)
    flow.count()
    found = queue.detail(request_one()).precedents
    assert (found.considered, found.approved, len(found.rows)) == (3, 2, 3)
    assert queue.detail(request_one(action="new")).precedents.considered == 0


def test_the_detail_has_the_timeline_and_the_sessions_earlier_requests(
    request_one: Make, agent: Caller, ana: Caller
) -> None:
    earlier = request_one(session_id="s")
    request_one(session_id="other")
    approval = request_one(session_id="s", now=NOON + timedelta(seconds=1))
    decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON + timedelta(seconds=2))
    record_outcome(approval=approval, by=agent, status="succeeded", detail={}, now=NOON + timedelta(seconds=3))
    seen = queue.detail(approval)
    assert [event.kind for event in seen.timeline] == ["requested", "decided", "outcome"]
    assert [event.actor_label for event in seen.timeline] == ["key bot", "Ana", "key bot"]
    assert seen.session == [earlier]
    assert [decision.reviewer_name for decision in seen.decisions] == ["Ana"]


def test_the_number_of_queries_does_not_depend_on_how_much_there_is(
    project: Project, request_one: Make, ana: Caller, django_assert_num_queries: Any
) -> None:
    def look() -> tuple[int, int]:
        approval = request_one(session_id="s")
        with django_assert_num_queries(9, exact=False) as page:
            for row in queue.queue_page(project, now=NOON, filters=ALL, cursor=None, size=50).rows:
                assert row.summary is not None
        with django_assert_num_queries(9, exact=False) as detail:
            for precedent in queue.detail(approval).precedents.rows:
                assert precedent.item.arguments is not None
                assert precedent.decision is not None
        return len(page), len(detail)

    decide(approval=request_one(session_id="s"), by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    few = look()
    for _number in range(8):
        decide(approval=request_one(session_id="s"), by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
        request_one(session_id="s")
    assert look() == few
