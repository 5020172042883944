"""Claims and assignments: who looks at a request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from agents.authentication import Caller
from agents.models import AuditEvent, Membership, Notification, Project, Team, TeamMember
from agents.services import absences
from reviews import states
from reviews.models import Approval
from reviews.services import assignment, claims
from reviews.services.claims import CannotClaim, Claim, HeldBy, claim, release, renew
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import create_request
from reviews.services.transitions import AlreadyDecided
from tests.reviews.conftest import NOON, draft, make_person

Make = Callable[..., Approval]
LEASE = claims.LEASE
TICK = timedelta(microseconds=1)


def kinds(approval: Approval) -> list[str]:
    return [event.kind for event in approval.events.order_by("id")]


def test_a_claim_is_a_lease_that_ends_by_itself(request_one: Make, ana: Caller, ben: Caller) -> None:
    approval = request_one(timeout=timedelta(hours=1))
    assert claim(approval=approval, by=ana, now=NOON) == Claim(NOON + LEASE)
    held = claim(approval=approval, by=ben, now=NOON + LEASE - TICK)
    assert held == HeldBy("Ana", NOON + LEASE)
    assert held.sentence == "Ana has claimed this request."
    assert claim(approval=approval, by=ben, now=NOON + LEASE) == Claim(NOON + 2 * LEASE)
    assert kinds(approval) == ["requested", "claimed", "claimed"]
    assert AuditEvent.objects.filter(action="approval.claimed").count() == 2


def test_a_claim_is_renewed_without_a_trace(request_one: Make, ana: Caller, ben: Caller) -> None:
    approval = request_one(timeout=timedelta(hours=1))
    assert renew(approval=approval, by=ana, now=NOON) is None
    claim(approval=approval, by=ana, now=NOON)
    claim(approval=approval, by=ana, now=NOON + LEASE / 2)
    assert renew(approval=approval, by=ana, now=NOON + 2 * LEASE) == Claim(NOON + 3 * LEASE)
    assert renew(approval=approval, by=ben, now=NOON + 2 * LEASE) == HeldBy("Ana", NOON + 3 * LEASE)
    assert kinds(approval) == ["requested", "claimed"]


def test_a_claim_changes_hands_only_when_that_is_asked_for(request_one: Make, ana: Caller, ben: Caller) -> None:
    approval = request_one()
    claim(approval=approval, by=ana, now=NOON)
    assert claim(approval=approval, by=ben, now=NOON, take_over=True) == Claim(NOON + LEASE)
    assert renew(approval=approval, by=ana, now=NOON) == HeldBy("Ben", NOON + LEASE)
    assert approval.events.last().detail == {"taken_from": "Ana"}  # type: ignore[union-attr]


def test_only_ones_own_claim_is_released(request_one: Make, ana: Caller, ben: Caller) -> None:
    approval = request_one()
    claim(approval=approval, by=ana, now=NOON)
    assert not release(approval=approval, by=ben, now=NOON)
    assert release(approval=approval, by=ana, now=NOON)
    assert not release(approval=approval, by=ana, now=NOON)
    assert claims.holder(Approval.objects.get(), now=NOON) is None
    assert kinds(approval) == ["requested", "claimed", "released"]


def test_a_claim_keeps_nobody_from_deciding_and_ends_with_the_request(
    request_one: Make, ana: Caller, ben: Caller
) -> None:
    approval = request_one()
    claim(approval=approval, by=ana, now=NOON)
    decide(approval=approval, by=ben, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    for late in (claim(approval=approval, by=ana, now=NOON), renew(approval=approval, by=ana, now=NOON)):
        assert isinstance(late, AlreadyDecided)
        assert late.decided_by == "Ben"
    assert not release(approval=approval, by=ana, now=NOON)


def test_nobody_claims_what_they_could_not_decide(project: Project, agent: Caller, ana: Caller) -> None:
    own = create_request(project=project, by=ana, draft=draft(), now=NOON)
    for caller in (ana, agent):
        with pytest.raises(CannotClaim):
            claim(approval=own, by=caller, now=NOON)
    assert isinstance(
        claim(approval=own, by=Caller(user=make_person("Cy", project, "lead")), now=own.expires_at), AlreadyDecided
    )


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_claim_at_once_one_has_it(project: Project, request_one: Make) -> None:
    approval = request_one()
    people = [Caller(user=make_person(f"R{number}", project, "reviewer")) for number in range(20)]
    found: list[object] = []
    gate = threading.Barrier(len(people))

    def work(by: Caller) -> None:
        try:
            gate.wait(30)
            found.append(claim(approval=Approval.objects.get(pk=approval.pk), by=by, now=NOON))
        finally:
            connections.close_all()

    connection.close()
    threads = [threading.Thread(target=work, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    winner = Approval.objects.get().claimed_by
    assert winner is not None
    assert found.count(Claim(NOON + LEASE)) == 1
    assert found.count(HeldBy(winner.display_name, NOON + LEASE)) == 19


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


@pytest.fixture
def money(project: Project, ana: Caller) -> Team:
    team = Team.objects.create(project=project, slug="money", name="Money", created_at=NOON)
    TeamMember.objects.create(team=team, membership=Membership.objects.get(user=ana.user))
    return team


def told(kind: str) -> list[str]:
    rows = Notification.objects.filter(kind=kind).order_by("user__name")
    return list(rows.values_list("user__name", flat=True))


def test_a_request_is_given_to_a_person_who_hears_of_it(
    request_one: Make, lead: Caller, ana: Caller, ben: Caller
) -> None:
    approval = request_one()
    assignment.assign(approval=approval, by=lead, user=ben.user, now=NOON)
    approval.refresh_from_db()
    assert approval.assigned_to == ben.user
    assert told("approval.assigned") == ["Ben"]
    assert approval.events.last().detail == {"user": "Ben"}  # type: ignore[union-attr]
    decide(approval=approval, by=ana, ruling=Ruling(verdict=states.Verdict.APPROVE), now=NOON)
    assert isinstance(assignment.assign(approval=approval, by=lead, user=ana.user, now=NOON), AlreadyDecided)


def test_a_request_is_given_to_a_team_and_back_to_all(
    request_one: Make, lead: Caller, ben: Caller, money: Team
) -> None:
    approval = request_one()
    assignment.assign(approval=approval, by=lead, user=ben.user, now=NOON)
    assignment.assign(approval=approval, by=lead, team=money, now=NOON)
    approval.refresh_from_db()
    assert (approval.routed_to, approval.assigned_to) == (money, None)
    assert told("approval.assigned") == ["Ana", "Ben"]
    assignment.assign(approval=approval, by=lead, now=NOON)
    approval.refresh_from_db()
    assert (approval.routed_to, approval.assigned_to) == (None, None)


def test_whoever_stands_in_gets_what_is_assigned(request_one: Make, lead: Caller, ana: Caller, ben: Caller) -> None:
    assert ana.user is not None
    absences.plan(user=ana.user, delegate=ben.user, starts_at=NOON, ends_at=NOON + timedelta(days=7), now=NOON)
    approval = request_one()
    assignment.assign(approval=approval, by=lead, user=ana.user, now=NOON)
    approval.refresh_from_db()
    assert approval.assigned_to == ben.user
    assert approval.events.last().detail == {"user": "Ben", "instead_of": "Ana"}  # type: ignore[union-attr]


def test_a_request_is_given_only_to_those_who_could_decide(
    project: Project, other_project: Project, lead: Caller, ana: Caller, money: Team
) -> None:
    own = create_request(project=project, by=ana, draft=draft(), now=NOON)
    elsewhere = Team.objects.create(project=other_project, slug="money", name="Money", created_at=NOON)
    away = make_person("Abe", project, "reviewer")
    absences.plan(user=away, delegate=None, starts_at=NOON, ends_at=NOON + timedelta(days=7), now=NOON)
    wrong: list[dict[str, Any]] = [
        {"user": make_person("Vic", project, "viewer")},
        {"user": make_person("Zoe", other_project, "admin")},
        {"user": ana.user},
        {"user": away},
        {"team": elsewhere},
    ]
    for whom in wrong:
        with pytest.raises(assignment.InvalidAssignee) as caught:
            assignment.assign(approval=own, by=lead, now=NOON, **whom)
        assert list(caught.value.errors) == list(whom)
