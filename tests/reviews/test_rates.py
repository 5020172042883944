"""How often people approved what an agent asked for, on the agent's page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from agents.models import Project
from reviews.models import Approval
from reviews.selectors.rates import of_agent
from tests.reviews.conftest import NOON, make_person

CreateApproval = Callable[..., Approval]


def decide(approval: Approval, status: str, verdict: str) -> None:
    Approval.objects.filter(pk=approval.pk).update(status=status, verdict=verdict, closed_at=NOON)


@pytest.fixture
def decided(project: Project, request_one: CreateApproval) -> None:
    for version, verdicts in {"1": ["approve", "approve", "reject"], "2": ["edit"]}.items():
        for verdict in verdicts:
            status = "rejected" if verdict == "reject" else "approved"
            decide(request_one(agent="helper", agent_version=version), status, verdict)
    request_one(agent="helper", agent_version="1")
    decide(request_one(agent="other"), "approved", "approve")


def test_only_what_people_decided_counts_by_version(project: Project, decided: None) -> None:
    rates = of_agent(project, "helper", NOON - timedelta(days=1))
    assert [(rate.version, rate.decided, rate.approved, rate.edited) for rate in rates] == [
        ("1", 3, 2, 0),
        ("2", 1, 1, 1),
    ]
    assert rates[0].share.value == pytest.approx(2 / 3)
    assert of_agent(project, "helper", NOON + timedelta(days=1)) == []


def test_the_part_of_the_page_shows_rates_of_its_project_alone(
    project: Project, other_project: Project, decided: None, client: Client
) -> None:
    for place, shown in ((project, True), (other_project, False)):
        person = make_person(f"vi-{place.slug}", place, "viewer")
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        html = client.get(f"/p/{place.slug}/queue/rates/", {"agent": "helper", "from": "2020-01-01T00:00:00Z"})
        assert ("67%" in html.content.decode()) == shown
        assert client.get(f"/p/{place.slug}/queue/rates/?agent=%00").status_code == 200
