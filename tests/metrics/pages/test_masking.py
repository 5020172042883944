"""The page of a project's masking."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import AuditEvent, Membership, Project, User
from metrics.models import MaskedCount, MaskingPolicy
from metrics.services import masking
from tests.metrics.sending import NOW

URL = "/p/fleet/settings/masking/"
BrowserOf = Callable[[User], Client]


def member(project: Project, role: str) -> User:
    person = User.objects.create_user(f"{role}@example.org", name=role.title())
    Membership.objects.create(user=person, project=project, role=role)
    return person


@pytest.fixture
def admin(project: Project, browser_of: BrowserOf) -> Client:
    return browser_of(member(project, "admin"))


@pytest.fixture
def auditor(project: Project, browser_of: BrowserOf) -> Client:
    return browser_of(member(project, "auditor"))


def form(**changes: Any) -> dict[str, Any]:
    return {"enabled": "on", "mode": "redact", "kinds": ["email", "card"], "do": "save"} | changes


def test_the_page_says_that_everything_is_masked_until_somebody_chooses(admin: Client) -> None:
    page = admin.get(URL).content.decode()
    assert "Nothing was masked" in page
    assert page.count(" checked") == 8  # the switch, a mode, six kinds
    assert f'href="{URL}" aria-current="page"' in page


def test_the_page_counts_the_last_thirty_days_of_this_project(
    admin: Client, project: Project, other_project: Project
) -> None:
    masking.record(project.pk, NOW.date(), {"email": 12_345, "customer": 3})
    masking.record(other_project.pk, NOW.date(), {"phone": 99_999})
    MaskedCount.objects.create(project=project, day=NOW.date().replace(year=2025), kind="iban", count=77_777)
    page = admin.get(URL).content.decode()
    assert "12,345" in page
    assert "customer" in page
    assert "99,999" not in page
    assert "77,777" not in page


def test_what_is_saved_is_shown_again(admin: Client, project: Project) -> None:
    answer = admin.post(URL, form(mode="pseudonym", pattern_name=["customer", ""], pattern=[r"C-\d{6}", ""]))
    assert answer.headers["Location"] == URL
    policy = MaskingPolicy.objects.get(project=project)
    assert (policy.enabled, policy.mode, policy.kinds) == (True, "pseudonym", ["email", "card"])
    assert policy.patterns == [{"name": "customer", "pattern": r"C-\d{6}"}]
    page = admin.get(URL).content.decode()
    assert r'value="C-\d{6}"' in page
    assert page.count(" checked") == 4
    assert AuditEvent.objects.filter(action="masking.change").count() == 1


def test_masking_that_is_off_is_said_at_the_top(admin: Client) -> None:
    admin.post(URL, {"mode": "redact", "do": "save"})
    assert "Masking is off" in admin.get(URL).content.decode()


def test_rows_are_added_and_removed_without_scripts_and_without_saving(admin: Client) -> None:
    typed = form(pattern_name=["a", "b"], pattern=["x1", "y1"])
    added = admin.post(URL, typed | {"do": "add"}).content.decode()
    assert added.count('name="pattern_name"') == 3
    removed = admin.post(URL, typed | {"do": "remove:0"}).content.decode()
    assert removed.count('name="pattern_name"') == 1
    assert 'value="y1"' in removed
    assert removed.count(" checked") == 4
    assert not MaskingPolicy.objects.exists()


def test_a_wrong_pattern_is_explained_where_it_stands_and_nothing_is_saved(admin: Client) -> None:
    answer = admin.post(URL, form(pattern_name=["Bad Name", "fine"], pattern=["x", "("]))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Use small letters" in page
    assert "No regular expression of RE2" in page
    assert 'value="Bad Name"' in page
    assert not MaskingPolicy.objects.exists()


def test_an_unknown_kind_or_mode_is_refused(admin: Client) -> None:
    assert admin.post(URL, form(kinds=["shoe size"])).status_code == 422
    assert admin.post(URL, form(mode="scramble")).status_code == 422


def test_a_text_can_be_tried_and_is_stored_nowhere(admin: Client) -> None:
    answer = admin.post(URL + "try/", {"sample": "<b>I</b> am ana@example.com"})
    page = answer.content.decode()
    assert "&lt;b&gt;I&lt;/b&gt; am [email]" in page
    assert "E-mail addresses: 1" in page
    assert not MaskedCount.objects.exists()
    assert "Nothing in this text is masked" in admin.post(URL + "try/", {"sample": "hello"}).content.decode()
    assert admin.post(URL + "try/", {"sample": "x" * 20_001}).status_code == 422


def test_an_auditor_reads_and_tries_but_changes_nothing(auditor: Client) -> None:
    page = auditor.get(URL).content.decode()
    assert "secret, email, card" in page
    assert 'name="kinds"' not in page
    assert "/settings/keys/" not in page
    assert "[email]" in auditor.post(URL + "try/", {"sample": "ana@example.com"}).content.decode()
    assert auditor.post(URL, form()).status_code == 403


def test_a_viewer_and_a_stranger_see_nothing(
    page: Client, browser_of: BrowserOf, other_project: Project, project: Project
) -> None:
    assert page.get(URL).status_code == 403
    stranger = browser_of(member(other_project, "admin"))
    assert stranger.get(URL).status_code == 404
    assert stranger.post(URL, form()).status_code == 404
    assert stranger.post(URL + "try/", {"sample": "x"}).status_code == 404


def test_the_page_takes_as_many_queries_for_much_as_for_little(admin: Client, project: Project) -> None:
    admin.get(URL)
    with CaptureQueriesContext(connection) as little:
        admin.get(URL)
    for day in range(1, 28):
        masking.record(project.pk, NOW.date().replace(month=2, day=day), {f"own-{day}": day, "email": 1})
    with CaptureQueriesContext(connection) as much:
        admin.get(URL)
    assert len(much) == len(little)
