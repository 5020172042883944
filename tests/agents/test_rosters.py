"""Whom a request is put before: teams, people who are away, and those who stand in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Away, Membership, Project, Team, TeamMember, User
from agents.roles import Role
from agents.rosters import roster_of
from agents.services import absences, members, teams
from tests.agents.conftest import NOON, MakePerson, audited

DAY = timedelta(days=1)


def team_of(project: Project, name: str, *people: User) -> Team:
    team = Team.objects.create(project=project, slug=name.lower(), name=name, created_at=NOON)
    for membership in Membership.objects.filter(project=project, user__in=people):
        TeamMember.objects.create(team=team, membership=membership)
    return team


def away(user: User, delegate: User | None, *, days: int = 1) -> Away:
    return absences.plan(user=user, delegate=delegate, starts_at=NOON, ends_at=NOON + days * DAY, now=NOON)


@pytest.fixture
def people(project: Project, admin: User, person: MakePerson) -> dict[str, User]:
    names = {"Ana": Role.REVIEWER, "Ben": Role.REVIEWER, "Cleo": Role.LEAD, "Vic": Role.VIEWER}
    return {name: person(name, role, project) for name, role in names.items()} | {"Ada": admin}


def asked(project: Project, *, to: User | None = None, team: Team | None = None, days: float = 0.0) -> set[str]:
    roster = roster_of(project.pk, now=NOON + days * DAY)
    found = roster.asked(person_id=to.pk if to else None, team_id=team.pk if team else None)
    return {user.name for user in found}


def test_a_request_for_nobody_in_particular_is_for_all_who_may_decide(
    project: Project, people: dict[str, User]
) -> None:
    assert asked(project) == {"Ada", "Ana", "Ben", "Cleo"}


def test_a_team_is_asked_and_of_it_those_who_may_decide(project: Project, people: dict[str, User]) -> None:
    assert asked(project, team=team_of(project, "Money", people["Ana"], people["Vic"])) == {"Ana"}


def test_a_team_of_nobody_leaves_it_to_all(project: Project, people: dict[str, User]) -> None:
    assert (
        len(asked(project, team=team_of(project, "Empty")))
        == len(asked(project, team=team_of(project, "Vics", people["Vic"])))
        == 4
    )


def test_whoever_is_away_is_stood_in_for_and_asked_again_when_back(project: Project, people: dict[str, User]) -> None:
    money = team_of(project, "Money", people["Ana"], people["Ben"])
    away(people["Ana"], people["Cleo"])
    assert asked(project, team=money) == {"Ben", "Cleo"}
    assert asked(project, to=people["Ana"]) == {"Cleo"}
    assert asked(project, team=money, days=0.99) == {"Ben", "Cleo"}
    assert asked(project, team=money, days=1) == {"Ana", "Ben"}


def test_stand_ins_who_are_away_are_stood_in_for_and_circles_end(project: Project, people: dict[str, User]) -> None:
    away(people["Ana"], people["Ben"])
    away(people["Ben"], people["Cleo"])
    assert asked(project, to=people["Ana"]) == {"Cleo"}
    away(people["Cleo"], people["Ana"])
    assert asked(project, to=people["Ana"]) == {"Ada"}


def test_a_stand_in_gets_no_rights(project: Project, people: dict[str, User], person: MakePerson) -> None:
    away(people["Ana"], people["Vic"])
    away(people["Ben"], person("Stranger"))
    assert asked(project, to=people["Ana"]) == asked(project, to=people["Ben"]) == {"Ada", "Cleo"}


def test_when_all_are_away_all_are_asked(project: Project, people: dict[str, User]) -> None:
    for name in ("Ada", "Ana", "Ben", "Cleo"):
        away(people[name], None)
    assert asked(project) == {"Ada", "Ana", "Ben", "Cleo"}


def test_a_roster_takes_two_queries_and_one_without_teams(project: Project, people: dict[str, User]) -> None:
    team_of(project, "Money", people["Ana"], people["Ben"])
    team_of(project, "Legal", people["Cleo"])
    away(people["Ana"], people["Ben"])
    with CaptureQueriesContext(connection) as queries:
        roster = roster_of(project.pk, now=NOON)
    assert len(queries) == 2
    assert {team.name for team in roster.teams.values()} == {"Money", "Legal"}
    with CaptureQueriesContext(connection) as queries:
        roster_of(project.pk, now=NOON, with_teams=False)
    assert len(queries) == 1


def test_teams_are_found_by_slug_and_by_name(project: Project, people: dict[str, User]) -> None:
    made = teams.create(project=project, name="Very  Big Refunds", by=people["Ada"], now=NOON)
    assert (made.slug, made.name) == ("very-big-refunds", "Very Big Refunds")
    roster = roster_of(project.pk, now=NOON)
    assert roster.team("very-big-refunds") == roster.team("very big REFUNDS") == made
    assert roster.team("refunds") is None
    assert roster.person("ANA@example.org") == people["Ana"]
    assert roster.person("vic@example.org") is None


def test_a_team_is_renamed_filled_and_put_away_on_the_record(
    project: Project, other_project: Project, people: dict[str, User], person: MakePerson
) -> None:
    ada = people["Ada"]
    team = teams.create(project=project, name="Money", by=ada, now=NOON)
    with pytest.raises(ValidationError, match="name"):
        teams.create(project=project, name="money", by=ada, now=NOON)
    stranger = Membership.objects.get(user=person("Zoe", Role.ADMIN, other_project))
    mine = Membership.objects.filter(project=project, user__in=[people["Ana"], people["Ben"]])
    chosen = [*mine.values_list("pk", flat=True), stranger.pk]
    teams.change(team=team, name="Cash", members=chosen, by=ada, now=NOON)
    assert asked(project, team=team) == {"Ana", "Ben"}
    teams.change(team=team, name="Cash", members=chosen, by=ada, now=NOON)  # Nothing new, no audit row.
    members.remove(membership=Membership.objects.get(user=people["Ben"]), by=ada, now=NOON)
    assert asked(project, team=team) == {"Ana"}
    assert teams.archive(team=team, by=ada, now=NOON)
    assert not teams.archive(team=team, by=ada, now=NOON)
    assert roster_of(project.pk, now=NOON).teams == {}
    again = teams.create(project=project, name="Money", by=ada, now=NOON)
    assert (again.pk, again.team_members.count()) == (team.pk, 0)
    assert audited(project) == ["team.create", "team.change", "member.remove", "team.archive", "team.create"]


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [(1, 1, "ends_at"), (-2, -1, "ends_at"), (0, 400, "ends_at"), (4, 6, "starts_at"), (1, 20, "starts_at")],
)
def test_times_away_that_make_no_sense_are_refused(people: dict[str, User], starts: int, ends: int, field: str) -> None:
    ana = people["Ana"]
    absences.plan(user=ana, delegate=None, starts_at=NOON + 3 * DAY, ends_at=NOON + 5 * DAY, now=NOON)
    with pytest.raises(ValidationError) as caught:
        absences.plan(user=ana, delegate=None, starts_at=NOON + starts * DAY, ends_at=NOON + ends * DAY, now=NOON)
    assert list(caught.value.message_dict) == [field]


def test_nobody_stands_in_for_themselves(people: dict[str, User]) -> None:
    with pytest.raises(ValidationError, match="delegate"):
        away(people["Ana"], people["Ana"])


def test_whoever_comes_back_early_is_there_at_once(project: Project, people: dict[str, User]) -> None:
    now, later = away(people["Ana"], people["Ben"], days=3), NOON + 5 * DAY
    planned = absences.plan(user=people["Ana"], delegate=None, starts_at=later, ends_at=later + DAY, now=NOON)
    absences.end(away=now, now=NOON + DAY)
    absences.end(away=planned, now=NOON + DAY)
    absences.end(away=planned, now=NOON + DAY)
    assert asked(project, to=people["Ana"], days=1) == {"Ana"}
    assert Away.objects.get().ends_at == NOON + DAY
    assert audited(None) == ["away.plan", "away.plan", "away.end", "away.end"]
