"""What of the queue is for whom: those who stand in, those who have decided, and what nobody can decide."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project, Team, TeamMember
from agents.services import absences
from console.lib import clock
from reviews.models import Approval
from reviews.policy.reading import read_policy
from reviews.selectors.queue import ESTIMATE_SEARCHED, estimated_wait_seconds
from reviews.services import policies
from reviews.services.assignment import assign
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import create_request
from reviews.states import Verdict
from tests.reviews.conftest import NOON, Api, draft, make_person, make_token
from tests.reviews.test_pages_deciding import PASSWORD, ask, reviewer, send
from tests.reviews.test_pages_people import page_of, planned, words

__all__ = ["ask", "reviewer"]

Ask = Callable[..., Approval]


def listed(client: Client, query: str = "") -> str:
    return str(client.get(f"/p/shop/queue/list/{query}").content.decode())


@pytest.mark.parametrize("whose", ["person", "team"])
def test_whoever_stands_in_has_it_among_theirs_and_is_told_why(
    ask: Ask, reviewer: Client, project: Project, ana: Caller, ben: Caller, whose: str
) -> None:
    approval = ask()
    team = Team.objects.create(project=project, slug="finance", name="Finance", created_at=NOON)
    TeamMember.objects.create(team=team, membership=project.memberships.get(user=ben.user))
    given = {"user": ben.user} if whose == "person" else {"team": team}
    assert ben.user
    assign(approval=approval, by=ana, **given, now=clock.now())
    assert str(approval.pk) not in listed(reviewer, "?whose=mine")
    now = clock.now()
    absences.plan(user=ben.user, delegate=ana.user, starts_at=now, ends_at=now + timedelta(hours=1), now=now)
    assert str(approval.pk) in listed(reviewer, "?whose=mine")
    assert (str(approval.pk) in listed(reviewer, "?whose=assigned")) is (whose == "person")
    assert "away: Ben, for whom you stand in" in words(page_of(reviewer, approval))


def test_what_one_has_decided_is_marked_for_others_and_passed_over(ask: Ask, reviewer: Client, ben: Caller) -> None:
    voted, other, last = (planned(ask(), approvals=2) for _number in range(3))
    send(reviewer, voted, verdict="approve")
    answer = send(reviewer, last, verdict="approve")
    assert answer.headers["Location"] == f"/p/shop/queue/{other.pk}/"
    assert send(reviewer, other, verdict="approve").headers["Location"] == "/p/shop/queue/"
    assert listed(reviewer).count("data-others") == 3
    theirs = Client()
    assert ben.user
    theirs.force_login(ben.user, PASSWORD)
    assert "data-others" not in listed(theirs)


def test_the_list_asks_the_database_as_often_however_many_have_decided(ask: Ask, reviewer: Client, ana: Caller) -> None:
    def counted() -> int:
        approval = planned(ask(), approvals=2)
        decide(approval=approval, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
        with CaptureQueriesContext(connection) as queries:
            listed(reviewer)
        return len(queries)

    counted()  # Once for the session.
    assert len({counted() for _number in range(4)}) == 1


def test_a_request_that_nobody_can_decide_says_so_on_its_page(project: Project, reviewer: Client, ana: Caller) -> None:
    approval = create_request(project=project, by=ana, draft=draft(), now=clock.now())
    assert "Nobody is left who can decide" in words(page_of(reviewer, approval))
    make_person("Ben", project, "reviewer")
    assert "Nobody is left who can decide" not in words(page_of(reviewer, approval))


def test_what_rules_decide_by_themselves_says_nothing_of_the_wait(project: Project, ask: Ask, ana: Caller) -> None:
    one = ask()
    decide(approval=one, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    one.refresh_from_db()
    assert one.closed_at
    Approval.objects.filter(pk=one.pk).update(requested_at=one.closed_at - timedelta(seconds=40))
    rules = [{"name": "all", "effect": "auto_approve", "condition": "true"}]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)
    for _number in range(3):
        ask()
    assert estimated_wait_seconds(project) == 40
    assert ESTIMATE_SEARCHED > 3


def test_the_bench_says_what_would_happen_to_a_request_that_does_not_allow_it(
    project: Project, ana: Caller, ask: Ask, reviewer: Client
) -> None:
    rules = [{"name": "all", "effect": "auto_approve", "condition": "true"}]
    policies.publish(project=project, by=ana, policy=read_policy({"rules": rules}), now=NOON)
    sample: dict[str, Any] = {"action": "ask", "allowed_decisions": ["respond"]}
    bench = "/p/shop/policies/bench/"
    text = reviewer.post(bench, {"sample": json.dumps(sample)}).content.decode()
    assert "People review it" in text
    assert "It is approved at once" not in text
    past = ask(allowed_decisions=("respond",))
    assert "People review it" in reviewer.get(bench, {"request": str(past.pk)}).content.decode()
    assert "It is approved at once" in reviewer.post(bench, {"sample": '{"action": "ask"}'}).content.decode()


def test_a_policy_that_asks_for_more_people_than_there_are_says_so_before_and_after_it_is_published(
    project: Project, ana: Caller, client: Client
) -> None:
    lead = make_person("Lea", project, "lead")
    rule = {"name": "all", "effect": "review", "condition": "true", "review": {"approvals": 20}}
    policy = read_policy({"rules": [rule]})
    policies.change_draft(project=project, by=ana, edition=0, change=lambda _old: policy, now=NOON)
    client.force_login(lead, PASSWORD)
    said = "Rule “all” asks for 20 approvals, and 2 in this project may decide"
    assert said in client.get("/p/shop/policies/draft/").content.decode()
    assert said not in client.get("/p/shop/policies/").content.decode()
    answer = Api(make_token(lead), Client()).post("/api/v1/policies", {"rules": [rule]})
    assert answer.status_code == 201
    assert answer.json()["warnings"][0].startswith(said)
    assert said in client.get("/p/shop/policies/").content.decode()


def test_what_is_for_others_is_not_offered_among_those_decided_together(
    ask: Ask, reviewer: Client, ana: Caller
) -> None:
    mine, voted = (planned(ask(action="mail", arguments={"n": number}), approvals=2) for number in range(2))
    decide(approval=voted, by=ana, ruling=Ruling(verdict=Verdict.APPROVE), now=clock.now())
    page = reviewer.get("/p/shop/queue/together/?action=mail").content.decode()
    assert f'value="{mine.pk}"' in page
    assert f'value="{voted.pk}"' not in page
