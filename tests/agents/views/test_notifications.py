"""The bell."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from agents import tasks
from agents.models import Membership, Notification, Project, User
from agents.services.notify import _unread, notify
from agents.views import paging
from console.lib import live
from tests.agents.conftest import NOON, Browse, MakePerson


@pytest.fixture
def browser(admin: User, browse: Browse) -> Client:
    return browse(admin)


def ring(user: User, project: Project, count: int = 1, url: str = "/p/alpha/queue/") -> list[Notification]:
    for number in range(count):
        notify(
            users=[user],
            project=project,
            kind="test",
            title=f"News {number}",
            body="Something happened",
            url=url,
            now=NOON + timedelta(minutes=number),
        )
    return list(Notification.objects.filter(user=user).order_by("pk"))


def test_what_came_while_away_is_there_at_the_next_visit(browser: Client, admin: User, project: Project) -> None:
    ring(admin, project, 2)
    page = browser.get("/notifications/").content.decode()
    assert page.index("News 1") < page.index("News 0")
    assert 'data-unread="2"' in page
    assert "News 1" in browser.get("/notifications/bell/").content.decode()
    assert browser.get("/notifications/latest/").json() == {
        "unread": 2,
        "desktop": True,
        "latest": {
            "title": "News 1",
            "body": "Something happened",
            "url": f"/notifications/{Notification.objects.latest('pk').pk}/",
        },
    }


def test_opening_one_marks_it_read_and_goes_there(browser: Client, admin: User, project: Project) -> None:
    [one] = ring(admin, project)
    assert browser.get(f"/notifications/{one.pk}/").headers["Location"] == "/p/alpha/queue/"
    one.refresh_from_db()
    assert one.read_at is not None
    assert browser.get("/notifications/latest/").json()["latest"] is None


def test_an_address_elsewhere_is_never_followed(browser: Client, admin: User, project: Project) -> None:
    [one] = ring(admin, project, url="https://evil.example/")
    assert browser.get(f"/notifications/{one.pk}/").headers["Location"] == "/notifications/"
    answer = browser.post("/notifications/read/", {"next": "//evil.example/"})
    assert answer.headers["Location"] == "/notifications/"


def test_one_or_all_are_marked_read(browser: Client, admin: User, project: Project) -> None:
    first, *_rest = ring(admin, project, 3)
    browser.post("/notifications/read/", {"id": first.pk, "next": "/notifications/?unread"})
    assert Notification.objects.unread().count() == 2
    assert "News 0" not in browser.get("/notifications/?unread").content.decode()
    panel = browser.post("/notifications/read/", headers={"hx-request": "true"})
    assert b"Mark all read" not in panel.content
    assert Notification.objects.unread().count() == 0
    assert browser.post("/notifications/read/", {"id": "1; drop table"}).status_code == 400


def test_other_peoples_notifications_cannot_be_read_or_opened(
    browser: Client, project: Project, person: MakePerson
) -> None:
    [theirs] = ring(person("Rita"), project)
    assert browser.get(f"/notifications/{theirs.pk}/").status_code == 404
    browser.post("/notifications/read/", {"id": theirs.pk})
    theirs.refresh_from_db()
    assert theirs.read_at is None
    assert browser.get("/notifications/").context["rows"] == []


def test_the_list_is_paged_without_gaps_or_repeats(
    browser: Client, admin: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SIZE", 2)
    ring(admin, project, 5)
    seen: list[str] = []
    path: str | None = "/notifications/"
    while path:
        answer = browser.get(path)
        seen += [row.title for row in answer.context["rows"]]
        path = answer.context["older"]
    assert seen == [f"News {number}" for number in (4, 3, 2, 1, 0)]
    assert browser.get("/notifications/?cursor=damaged!").status_code == 400


def test_who_switched_the_bell_off_gets_nothing_in_it(admin: User, project: Project) -> None:
    admin.notify_in_app = False
    assert ring(admin, project) == []


def test_who_wants_letters_gets_one(
    admin: User, project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[dict[str, Any]] = []
    monkeypatch.setattr("agents.services.notify.queue.enqueue", lambda task, **ids: queued.append(ids))
    admin.notify_by_email = True
    settings.EMAIL_HOST = ""
    ring(admin, project)
    assert queued == []
    settings.EMAIL_HOST = "mail.example.org"
    ring(admin, project)
    tasks.mail_notification(**queued[0])
    [letter] = mail.outbox
    assert letter.subject == "[Handrail] News 0"
    assert f"{settings.PUBLIC_URL}/p/alpha/queue/" in str(letter.body)


def test_whoever_has_left_a_project_reads_nothing_of_it_any_more(
    browser: Client, admin: User, project: Project, other_project: Project
) -> None:
    [one] = ring(admin, project)
    Membership.objects.create(user=admin, project=other_project, role="viewer")
    Membership.objects.filter(project=project).delete()
    for page in ("/notifications/", "/notifications/bell/", "/notifications/latest/"):
        assert "News 0" not in browser.get(page).content.decode()
    assert browser.get("/notifications/latest/").json()["unread"] == 0
    assert browser.get(f"/notifications/{one.pk}/").status_code == 404
    assert _unread([admin.pk]) == {live.user_group(admin.pk): {"unread": 0}}
