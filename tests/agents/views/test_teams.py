"""Pages of teams and of being away, and teams over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Away, Membership, Project, Team, User
from agents.roles import Role
from agents.services import absences, teams
from console.lib import clock
from tests.agents.conftest import Browse, MakeKey, MakePerson

TEAMS = "/p/alpha/settings/teams/"
AWAY = "/account/away/"


@pytest.fixture
def ada(browse: Browse, admin: User) -> Client:
    return browse(admin)


def membership(user: User) -> int:
    return Membership.objects.get(user=user).pk


def test_a_team_is_made_and_filled(ada: Client, project: Project, person: MakePerson) -> None:
    assert "No teams yet" in ada.get(TEAMS).text
    made = ada.post(TEAMS, {"name": "<b>Money</b>"}, follow=True)
    assert made.redirect_chain == [(f"{TEAMS}bmoneyb/", 302)]
    ana = person("Ana", Role.REVIEWER, project)
    saved = ada.post(f"{TEAMS}bmoneyb/", {"name": "Money", "members": [membership(ana)]}, follow=True)
    assert saved.redirect_chain == [(TEAMS, 302)]
    assert "Ana" in saved.text
    assert "<b>Money" not in made.text + saved.text
    twice = ada.post(TEAMS, {"name": "money"})
    assert twice.status_code == 422
    assert "Another team has this name." in twice.text


def test_a_team_is_taken_out_of_use(ada: Client, project: Project, admin: User) -> None:
    teams.create(project=project, name="Money", by=admin, now=clock.now())
    assert "no longer a team" in ada.post(f"{TEAMS}money/archive/", follow=True).text
    assert ada.get(f"{TEAMS}money/").status_code == 404


def test_who_is_away_is_marked(ada: Client, project: Project, admin: User, person: MakePerson) -> None:
    ana, ben = person("Ana", Role.REVIEWER, project), person("Ben", Role.REVIEWER, project)
    team = teams.create(project=project, name="Money", by=admin, now=clock.now())
    teams.change(team=team, name="Money", members=[membership(ana)], by=admin, now=clock.now())
    now = clock.now()
    absences.plan(user=ana, delegate=ben, starts_at=now, ends_at=now.replace(year=now.year + 1), now=now)
    assert "Ana: away, Ben stands in" in ada.get(TEAMS).text


def test_the_list_of_teams_takes_the_same_number_of_queries_however_many(
    ada: Client, project: Project, admin: User
) -> None:
    counts = []
    for number in range(5):
        team = teams.create(project=project, name=f"Team {number}", by=admin, now=clock.now())
        teams.change(team=team, name=team.name, members=[membership(admin)], by=admin, now=clock.now())
        with CaptureQueriesContext(connection) as queries:
            ada.get(TEAMS)
        counts.append(len(queries))
    assert counts[1] == counts[-1]


def test_teams_of_another_project_are_not_there(
    ada: Client, other_project: Project, admin: User, person: MakePerson
) -> None:
    zoe = person("Zoe", Role.ADMIN, other_project)
    teams.create(project=other_project, name="Money", by=zoe, now=clock.now())
    assert ada.get(f"{TEAMS}money/").status_code == 404
    assert "money" not in ada.get(TEAMS).text


def test_a_time_away_is_planned_in_ones_own_time_zone_and_ended(
    project: Project, person: MakePerson, browse: Browse
) -> None:
    ana = person("Ana", Role.REVIEWER, project, time_zone="Asia/Tokyo")
    ben = person("Ben", Role.REVIEWER, project)
    year = clock.now().year + 1
    page = browse(ana)
    planned = {"starts_at": f"{year}-08-03T09:00", "ends_at": f"{year}-08-03T18:00", "delegate": ben.pk}
    listed = page.post(AWAY, planned, follow=True).text
    assert "Ben" in listed
    assert f"(3 Aug {year})" in listed
    away = Away.objects.get()
    assert (away.starts_at.hour, away.ends_at.hour, away.delegate) == (0, 9, ben)
    assert page.post(AWAY, planned).status_code == 422
    assert "You stand in for" in browse(ben).get(AWAY).text
    assert browse(ben).post(f"{AWAY}{away.pk}/end/").status_code == 404
    page.post(f"{AWAY}{away.pk}/end/")
    assert not Away.objects.exists()


def test_only_those_who_may_decide_in_ones_projects_can_stand_in(
    project: Project, other_project: Project, person: MakePerson, browse: Browse
) -> None:
    ana = person("Ana", Role.REVIEWER, project)
    ben = person("Ben", Role.LEAD, project)
    others = [person("Vic", Role.VIEWER, project), person("Zoe", Role.ADMIN, other_project)]
    text = browse(ana).get(AWAY).text
    assert f'value="{ben.pk}"' in text
    year = clock.now().year + 1
    for other in [*others, ana]:
        assert f'value="{other.pk}"' not in text
        planned = {"starts_at": f"{year}-08-03T09:00", "ends_at": f"{year}-08-03T18:00", "delegate": other.pk}
        assert browse(ana).post(AWAY, planned).status_code == 422


def call(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    return getattr(client, method)(path, body, content_type="application/json")


def test_teams_over_the_api(ada: Client, project: Project, person: MakePerson, key: MakeKey) -> None:
    person("Ana", Role.REVIEWER, project)
    made = call(ada, "post", "/api/v1/teams", {"name": "Money", "members": ["Ana@example.org"]})
    ana = {"email": "ana@example.org", "name": "Ana"}
    assert made.status_code == 201
    assert made.json() == {"slug": "money", "name": "Money", "members": [ana]}
    assert call(ada, "put", "/api/v1/teams/money", {"name": "Cash"}).json()["members"] == [ana]
    assert call(ada, "put", "/api/v1/teams/money", {"name": "Cash", "members": []}).json()["members"] == []
    agent = Client(headers={"authorization": f"Bearer {key().secret}"})
    assert agent.get("/api/v1/teams").json() == {"results": [{"slug": "money", "name": "Cash"}], "next": None}
    assert call(agent, "post", "/api/v1/teams", {"name": "Bots"}).status_code == 403
    assert call(ada, "delete", "/api/v1/teams/money").status_code == 204
    assert Team.objects.open().count() == 0
    assert call(ada, "get", "/api/v1/teams/money").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "!"}, "name"),
        ({"name": "Money", "members": ["nobody@example.org"]}, "members"),
        ({"name": "Money", "members": "ana"}, "members"),
        ({"name": "Money", "people": []}, "people"),
    ],
)
def test_a_team_that_makes_no_sense_names_its_field(ada: Client, body: dict[str, Any], field: str) -> None:
    refused = call(ada, "post", "/api/v1/teams", body)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert not Team.objects.exists()
