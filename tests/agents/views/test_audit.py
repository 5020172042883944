"""The page of the audit log."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from agents.models import AuditEvent, Project, User
from agents.roles import Role
from agents.services import audit
from agents.views import paging
from agents.views.audit import detail_lines
from tests.agents.conftest import NOON, Browse, MakePerson


@pytest.fixture
def browser(project: Project, person: MakePerson, browse: Browse) -> Client:
    return browse(person("Otto", Role.AUDITOR, project))


def write(project: Project, action: str, minutes: int = 0, by: User | None = None) -> None:
    at = NOON + timedelta(minutes=minutes)
    audit.record(project=project, by=by, action=action, target="key bot", detail={"n": minutes}, now=at)


def test_rows_are_filtered_by_action_and_only_of_this_project(
    browser: Client, project: Project, other_project: Project
) -> None:
    write(project, "key.create")
    write(project, "key.revoke")
    write(other_project, "secret.thing")
    page = browser.get("/p/alpha/audit/")
    assert len(page.context["events"]) == 2
    assert b"secret.thing" not in page.content
    filtered = browser.get("/p/alpha/audit/", {"action": "key.revoke"})
    assert [row["event"].action for row in filtered.context["events"]] == ["key.revoke"]
    assert b"No row has this action" in browser.get("/p/alpha/audit/", {"action": "nothing"}).content


def test_nul_characters_in_the_filter_are_passed_over(browser: Client, project: Project) -> None:
    write(project, "key.create")
    page = browser.get("/p/alpha/audit/", {"action": "key\x00.create"})
    assert [row["event"].action for row in page.context["events"]] == ["key.create"]


def test_the_log_is_paged_without_gaps_or_repeats_even_at_the_same_instant(
    browser: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SIZE", 2)
    for minutes in (0, 1, 1, 1, 2):
        write(project, "key.create", minutes)
    seen: list[int] = []
    path: str | None = "/p/alpha/audit/?action=key.create"
    while path:
        answer = browser.get(path)
        assert len(answer.context["events"]) <= 2
        seen += [row["event"].pk for row in answer.context["events"]]
        path = answer.context["older"]
    assert seen == list(AuditEvent.objects.order_by("-at", "-pk").values_list("pk", flat=True))


@pytest.mark.parametrize("cursor", ["damaged!", "WzFd", "WyJub3QgYSBkYXRlIiwgMV0", "WyIyMDI2LTAzLTAyIiwgMV0"])
def test_a_damaged_cursor_is_400(cursor: str, browser: Client) -> None:
    assert browser.get("/p/alpha/audit/", {"cursor": cursor}).status_code == 400


def test_rows_can_be_neither_changed_nor_deleted(project: Project) -> None:
    write(project, "key.create")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.update(action="nothing")
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.all().delete()
    assert AuditEvent.objects.get().action == "key.create"


def test_details_read_as_words() -> None:
    detail = {
        "retention_days": {"from": 90, "to": 30},
        "scopes": ["a", "b"],
        "networks": [],
        "expires_at": "2026-03-02T12:00:00+00:00",
        "reason": {"from": "", "to": "x"},
    }
    assert detail_lines(detail) == [
        ("retention days", "90 → 30"),
        ("scopes", "a, b"),
        ("expires at", "2 Mar 2026, 12:00:00 UTC"),
        ("reason", "– → x"),
    ]
