"""Home, switching, making, setting up and archiving projects."""

import pytest
from django.test import Client

from agents.models import Membership, Project, User
from agents.roles import Role
from tests.agents.conftest import Browse, MakeKey, MakePerson


@pytest.fixture
def browser(admin: User, browse: Browse) -> Client:
    return browse(admin)


def test_home_opens_the_project_that_was_open_last(browser: Client, admin: User, other_project: Project) -> None:
    Membership.objects.create(user=admin, project=other_project, role=Role.VIEWER)
    assert browser.get("/").headers["Location"] == "/p/alpha/"
    assert browser.get("/projects/beta/open/").headers["Location"] == "/p/beta/"
    assert browser.get("/").headers["Location"] == "/p/beta/"
    browser.get("/p/alpha/settings/")
    assert browser.get("/").headers["Location"] == "/p/alpha/"


def test_a_project_that_was_left_is_not_opened_again(browser: Client, admin: User, other_project: Project) -> None:
    membership = Membership.objects.create(user=admin, project=other_project, role=Role.VIEWER)
    browser.get("/projects/beta/open/")
    membership.delete()
    assert browser.get("/").headers["Location"] == "/p/alpha/"
    assert browser.get("/projects/beta/open/").status_code == 404


def test_somebody_without_a_project_is_told_what_to_do(person: MakePerson, browse: Browse) -> None:
    page = browse(person("Rita")).get("/").content.decode()
    assert "You belong to no project" in page
    assert "invite rita@example.org" in page
    assert "/projects/new/" not in page


def test_making_a_project_leads_to_its_keys(browser: Client) -> None:
    answer = browser.post("/projects/new/", {"name": "Claims Desk"})
    assert answer.headers["Location"] == "/p/claims-desk/settings/keys/"
    assert browser.get("/p/claims-desk/settings/").status_code == 200


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"name": "Another", "slug": "alpha"}, "Another project has this address"),
        ({"name": "Another", "slug": "new"}, "taken by the console"),
        ({"name": "Another", "slug": "so/so"}, "letters, digits and hyphens"),
        ({"name": "", "slug": "fine"}, "This field is required"),
        ({"name": "!!!", "slug": ""}, "Give the project an address"),
    ],
)
def test_a_refused_project_says_why_and_keeps_what_was_typed(form: dict[str, str], words: str, browser: Client) -> None:
    answer = browser.post("/projects/new/", form)
    assert words in answer.content.decode()
    for value in filter(None, form.values()):
        assert f'value="{value}"' in answer.content.decode()
    assert Project.objects.count() == 1


def test_settings_take_one_reason_a_line(browser: Client, project: Project) -> None:
    form = {"name": "Alpha two", "reject_reasons": "Too risky\r\n\r\nDuplicate", "retention_days": "14"}
    assert browser.post("/p/alpha/settings/", form).headers["Location"] == "/p/alpha/settings/"
    project.refresh_from_db()
    assert (project.name, project.reject_reasons, project.retention_days) == (
        "Alpha two",
        ["Too risky", "Duplicate"],
        14,
    )


def test_an_empty_number_of_days_keeps_telemetry_for_ever(browser: Client, project: Project) -> None:
    form = {"name": "Alpha", "reject_reasons": "", "retention_days": ""}
    assert browser.post("/p/alpha/settings/", form).status_code == 302
    project.refresh_from_db()
    assert project.retention_days is None
    assert b'value="None"' not in browser.get("/p/alpha/settings/").content


def test_refused_settings_stay_in_the_form(browser: Client, project: Project) -> None:
    form = {"name": "Alpha two", "reject_reasons": "x" * 121, "retention_days": "14"}
    answer = browser.post("/p/alpha/settings/", form)
    assert answer.status_code == 422
    assert b"is longer than 120 characters" in answer.content
    assert b'value="Alpha two"' in answer.content
    project.refresh_from_db()
    assert project.name == "Alpha"


def test_archiving_takes_the_address_typed(browser: Client, project: Project, key: MakeKey) -> None:
    secret = key().secret
    assert browser.post("/p/alpha/settings/archive/", {"confirm": "alfa"}).status_code == 422
    project.refresh_from_db()
    assert project.archived_at is None
    answer = browser.post("/p/alpha/settings/archive/", {"confirm": "alpha"}, follow=True)
    assert b"This project is archived" in answer.content
    assert browser.get("/p/alpha/").status_code == 404
    assert browser.get("/p/alpha/settings/members/").status_code == 404
    assert Client().get("/api/v1/approvals", headers={"x-api-key": secret}).status_code == 401
    assert b"alpha" in browser.get("/").content
    browser.post("/p/alpha/settings/restore/")
    assert browser.get("/p/alpha/").status_code == 200
    assert Client().get("/api/v1/approvals", headers={"x-api-key": secret}).status_code == 200


def test_pages_of_no_project_keep_the_rail_of_the_last_one(browser: Client) -> None:
    page = browser.get("/account/").content.decode()
    assert "/p/alpha/queue/" in page
    assert 'data-live-url="/ws/p/alpha/"' in page
