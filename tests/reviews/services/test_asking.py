"""Who may still decide on a request, and so is asked, reminded, assigned and lets it lie claimed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Membership, Notification, Project, Team, TeamMember
from agents.rosters import roster_of
from agents.services import absences, teams
from reviews import states
from reviews.models import Approval
from reviews.policy.reading import read_policy
from reviews.services import assignment, claims, deciders, escalation, policies, reminders
from reviews.services.deciders import standings_of
from reviews.services.decisions import Ruling, decide, withdraw
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.reviews.conftest import NOON, draft, make_key, make_person

Make = Callable[..., Approval]
Publish = Callable[..., None]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
APPROVE = Ruling(verdict=states.Verdict.APPROVE)


@pytest.fixture
def cyd(project: Project) -> Caller:
    return Caller(user=make_person("Cyd", project, "lead"))


@pytest.fixture
def in_force(project: Project, ana: Caller) -> Publish:
    def publish(**review: Any) -> None:
        rules = [{"name": "all", "effect": "review", "condition": "true", "review": review}]
        policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)

    return publish


def team_of(project: Project, name: str, *people: Caller) -> Team:
    team = teams.create(project=project, name=name, by=people[0], now=NOON)
    for one in people:
        TeamMember.objects.create(team=team, membership=Membership.objects.get(project=project, user=one.user))
    return team


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=f"approval.{kind}").order_by("user__name")
    return list(rows.values_list("user__name", flat=True))


def unread(person: Caller) -> int:
    return Notification.objects.filter(user=person.user, read_at=None).count()


def test_where_only_the_asker_is_in_the_team_everybody_else_is_asked(
    project: Project, in_force: Publish, ana: Caller, ben: Caller, cyd: Caller
) -> None:
    team_of(project, "finance", ana)
    in_force(team="finance")
    create_request(project=project, by=ana, draft=draft(), now=NOON)
    assert told("requested") == ["Ben", "Cyd"]


def test_a_step_to_whoever_made_the_request_makes_it_everybody_elses(
    project: Project, in_force: Publish, ana: Caller, ben: Caller, cyd: Caller
) -> None:
    steps = [{"user": "ana@example.org", "seconds": 600}]
    in_force(deadline_seconds=600, on_timeout="escalate", escalation={"steps": steps})
    approval = create_request(project=project, by=ana, draft=draft(timeout=None), now=NOON)
    assert escalation.advance_due(now=NOON + 10 * MINUTE) == 1
    approval.refresh_from_db()
    assert approval.assigned_to is None
    assert told("escalated") == ["Ben", "Cyd"]


def test_whoever_has_decided_is_neither_reminded_nor_asked_next(
    in_force: Publish, request_one: Make, ana: Caller, ben: Caller, cyd: Caller
) -> None:
    steps = [{"user": "ana@example.org", "seconds": 600}]
    in_force(approvals=2, deadline_seconds=600, on_timeout="escalate", escalation={"steps": steps})
    approval = request_one(timeout=None)
    decide(approval=approval, by=ana, ruling=APPROVE, now=NOON + MINUTE)
    reminders.send_due(now=NOON + 5 * MINUTE)
    assert told("reminded") == ["Ben", "Cyd"]
    escalation.advance_due(now=NOON + 10 * MINUTE)
    assert told("escalated") == ["Ben", "Cyd"]
    with pytest.raises(assignment.InvalidAssignee, match="Ana has decided on this request already"):
        assignment.assign(approval=approval, by=cyd, user=ana.user, now=NOON + 11 * MINUTE)
    with pytest.raises(claims.CannotClaim, match="You have decided"):
        claims.claim(approval=approval, by=ana, now=NOON + 11 * MINUTE)


def test_whoever_takes_a_verdict_back_is_asked_again(
    in_force: Publish, request_one: Make, ana: Caller, ben: Caller
) -> None:
    in_force(approvals=2)
    approval = request_one(timeout=HOUR)
    decide(approval=approval, by=ana, ruling=APPROVE, now=NOON)
    assert withdraw(approval=approval, by=ana, now=NOON)
    reminders.send_due(now=NOON + 30 * MINUTE)
    assert told("reminded") == ["Ana", "Ben"]


def test_of_a_batch_one_is_asked_until_one_has_decided_all_that_is_open(
    project: Project, agent: Caller, in_force: Publish, ana: Caller, ben: Caller
) -> None:
    in_force(approvals=2)
    items = (ItemDraft(action="one"), ItemDraft(action="two"))
    approval = create_request(
        project=project, by=agent, draft=RequestDraft(items=items, timeout=timedelta(hours=1)), now=NOON
    )
    for index, expected in enumerate([{"Ana", "Ben"}, {"Ben"}]):
        decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE, item=index), now=NOON + MINUTE)
        roster = roster_of(project.pk, now=NOON)
        out = deciders.not_asked([approval], now=NOON)[approval.pk]
        assert {user.name for user in roster.asked(person_id=None, team_id=None, without=out)} == expected


def test_a_verdict_lets_the_request_go_and_quietens_ones_own_bell_only(
    in_force: Publish, request_one: Make, ana: Caller, ben: Caller
) -> None:
    in_force(approvals=2)
    approval = request_one(timeout=HOUR)
    claims.claim(approval=approval, by=ana, now=NOON)
    assert (unread(ana), unread(ben)) == (1, 1)
    decide(approval=approval, by=ana, ruling=APPROVE, now=NOON)
    approval.refresh_from_db()
    assert approval.claimed_by is None
    assert (unread(ana), unread(ben)) == (0, 1)


@pytest.mark.parametrize("rotated", [False, True])
def test_whoever_owns_the_key_is_barred_from_all_of_it_where_a_rule_says_so(
    project: Project, in_force: Publish, ana: Caller, ben: Caller, cyd: Caller, rotated: bool
) -> None:
    in_force(bar_key_owner=True, team="finance") if team_of(project, "finance", ana) else None
    key, _secret = make_key(project)
    key.created_by = ana.user
    key.save()
    if rotated:
        earlier, (key, _secret) = key, make_key(project)
        earlier.replaced_by = key
        earlier.save()
    approval = create_request(project=project, by=Caller(key=key), draft=draft(timeout=HOUR), now=NOON)
    assert told("requested") == ["Ben", "Cyd"]
    with pytest.raises(claims.CannotClaim, match="Your own key"):
        claims.claim(approval=approval, by=ana, now=NOON)
    with pytest.raises(assignment.InvalidAssignee, match="their own key"):
        assignment.assign(approval=approval, by=cyd, user=ana.user, now=NOON)
    reminders.send_due(now=NOON + 30 * MINUTE)
    assert told("reminded") == ["Ben", "Cyd"]


def test_those_away_are_not_asked_while_anybody_is_there(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    assert ana.user
    absences.plan(user=ana.user, delegate=None, starts_at=NOON, ends_at=NOON + DAY, now=NOON)
    approval = request_one(timeout=HOUR)
    assert told("requested") == ["Ben"]
    decide(approval=approval, by=ben, ruling=APPROVE, now=NOON)


def notices(approval: Approval) -> list[str]:
    roster = roster_of(approval.project_id, now=NOON)
    out = deciders.barred([approval])[approval.pk]
    return deciders.notices(approval, roster, standings_of(approval), out=out)


def test_a_request_that_nobody_can_decide_says_so(project: Project, ana: Caller) -> None:
    approval = create_request(project=project, by=ana, draft=draft(), now=NOON)
    assert notices(approval) == [
        "Nobody is left who can decide: whoever may has made the request, owns its key, or has decided already."
    ]
    make_person("Ben", project, "reviewer")
    assert notices(approval) == []


def test_a_request_that_too_few_can_approve_says_so(
    in_force: Publish, request_one: Make, ana: Caller, ben: Caller
) -> None:
    in_force(approvals=3)
    approval = request_one(timeout=HOUR)
    said = "3 people have to approve the same, and at most 2 can: it can be rejected, not approved."
    assert notices(approval) == [said]


def test_a_team_that_there_is_not_is_named(project: Project, request_one: Make, ana: Caller) -> None:
    team_of(project, "finance", ana)
    assert notices(request_one(team="finance")) == []
    assert notices(request_one(team="finnance")) == [
        "There is no team “finnance” here: everybody who may decide is asked."
    ]


def test_reminding_many_asks_no_more_of_the_database_than_reminding_one(
    in_force: Publish, request_one: Make, ana: Caller, ben: Caller, django_capture_on_commit_callbacks: Any
) -> None:
    in_force(approvals=2)

    def queries(now: Any) -> int:
        with CaptureQueriesContext(connection) as found:
            reminders.send_due(now=now)
        return len(found)

    for number in range(1, 9):
        decide(approval=request_one(timeout=number * DAY), by=ana, ruling=APPROVE, now=NOON)
    one = queries(NOON + DAY / 2)
    many = queries(NOON + 5 * DAY)
    assert many == one
