"""Whoever is stored under a pseudonym is found by what they are called."""

from django.test import Client

from agents.models import Project
from metrics.models import Trace
from tests.metrics.sending import Sending


def test_traces_of_a_person_are_found_by_the_address_that_was_masked(
    page: Client, sending: Sending, project: Project
) -> None:
    sending.send([sending.span("hers", attributes={"user.id": "ana@example.com"})])
    sending.send([sending.span("his", attributes={"user.id": "somebody-else"})])
    assert not Trace.objects.filter(project_id=project.pk, user_id="ana@example.com").exists()
    html = page.get("/p/fleet/traces/?user=ana@example.com").content.decode()
    assert "hers" in html
    assert "his</" not in html
    found = page.get("/api/v1/traces?project=fleet&user=ana@example.com&from=2026-03-01T00:00:00Z").json()["results"]
    assert [trace["name"] for trace in found] == ["hers"]
