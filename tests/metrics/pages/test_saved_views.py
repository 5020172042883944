"""Views that people save: whose they are, who sees them, and what they keep."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import AuditEvent, Membership, Project, User
from metrics.models import SavedView
from metrics.services import saved_views
from metrics.services.sessions import refresh
from tests.metrics.read.test_points import point, send
from tests.metrics.sending import NOW, Sending

URL = "/p/fleet/views/"
TRACES = "/p/fleet/traces/"
BrowserOf = Callable[[User], Client]


@pytest.fixture
def seen(sending: Sending) -> None:
    """A list that is not empty: an empty one has no views."""
    sending.send([sending.agent()])


def member(project: Project, role: str) -> User:
    person = User.objects.create_user(f"{role}@example.net", name=role.title())
    Membership.objects.create(user=person, project=project, role=role)
    return person


def save(browser: Client, name: str = "Slow ones", **fields: str) -> Any:
    return browser.post(URL, {"name": name, "page": "traces", "query": "status=error&sort=duration", **fields})


def test_a_view_keeps_the_address_without_the_place_in_the_list(page: Client, seen: None) -> None:
    answer = save(page, query="?status=error&agent=&cursor=abc&before=x&live=1&q=a%3Db")
    assert answer["Location"] == f"{TRACES}?status=error&live=1&q=a%3Db"
    html = page.get(TRACES).content.decode()
    assert "Slow ones" in html
    assert "?status=error&amp;live=1&amp;q=a%3Db" in html
    assert list(AuditEvent.objects.values_list("action", flat=True)) == ["view.saved"]


def test_views_of_others_are_seen_only_when_shared_and_never_changed(
    project: Project, page: Client, browser_of: BrowserOf, seen: None
) -> None:
    operator = browser_of(member(project, "operator"))
    save(operator, "Mine alone")
    save(operator, "For all", shared="1")
    html = page.get(TRACES).content.decode()
    assert "For all" in html
    assert "Mine alone" not in html
    for view in SavedView.objects.all():
        assert page.post(f"{URL}{view.pk}/rename/", {"name": "x"}).status_code == 404
        assert page.post(f"{URL}{view.pk}/delete/").status_code == 404
    assert SavedView.objects.count() == 2


def test_sharing_takes_the_right_to_edit_dashboards(
    project: Project, page: Client, browser_of: BrowserOf, viewer: User
) -> None:
    assert save(page, shared="1").status_code == 403
    save(page)
    view = SavedView.objects.get()
    assert page.post(f"{URL}{view.pk}/share/", {"shared": "1"}).status_code == 403
    Membership.objects.filter(user=viewer).update(role="operator")
    page.post(f"{URL}{view.pk}/share/", {"shared": "1"})
    view.refresh_from_db()
    assert view.shared
    page.post(f"{URL}{view.pk}/share/", {"shared": "0"})
    view.refresh_from_db()
    assert not view.shared


def test_a_name_is_one_view_of_a_person(page: Client, project: Project, browser_of: BrowserOf, seen: None) -> None:
    save(page)
    assert "already" in page.get(save(page, " Slow   ones ")["Location"]).content.decode()
    save(browser_of(member(project, "operator")))
    save(page, "Other")
    other = SavedView.objects.get(name="Other")
    assert (
        "already" in page.get(page.post(f"{URL}{other.pk}/rename/", {"name": "Slow ones"})["Location"]).content.decode()
    )
    page.post(f"{URL}{other.pk}/rename/", {"name": "Third"})
    page.post(f"{URL}{other.pk}/delete/")
    assert sorted(SavedView.objects.values_list("name", "owner__email")) == [
        ("Slow ones", "operator@example.net"),
        ("Slow ones", "viewer@example.org"),
    ]


@pytest.mark.parametrize(
    "fields", [{"name": " "}, {"name": "x" * 81}, {"page": "secrets"}, {"page": ""}, {"query": "a=" + "x" * 2_000}]
)
def test_what_cannot_be_kept_is_refused(page: Client, fields: dict[str, str]) -> None:
    answer = page.post(URL, {"name": "A", "page": "traces", "query": "", **fields})
    assert answer.status_code == 302
    assert not SavedView.objects.exists()


def test_a_person_has_a_hundred_views_in_a_project_at_most(project: Project, viewer: User) -> None:
    common: dict[str, Any] = {
        "project": project,
        "by": viewer,
        "page": "traces",
        "query": "",
        "shared": False,
        "now": NOW,
    }
    for number in range(saved_views.MOST_PER_PERSON):
        saved_views.save(name=f"View {number}", **common)
    with pytest.raises(saved_views.Refused, match="100 saved views"):
        saved_views.save(name="One more", **common)


def test_views_of_other_projects_do_not_exist(page: Client, other_project: Project, viewer: User, seen: None) -> None:
    Membership.objects.create(user=viewer, project=other_project, role="operator")
    page.post("/p/strangers/views/", {"name": "Theirs", "page": "traces", "query": "", "shared": "1"})
    view = SavedView.objects.get()
    page.get("/p/strangers/")  # which says that it is saved
    assert "Theirs" not in page.get(TRACES).content.decode()
    assert page.post(f"{URL}{view.pk}/rename/", {"name": "x"}).status_code == 404


def test_names_are_shown_as_text(page: Client, seen: None) -> None:
    save(page, "<script>alert(1)</script>", query="q=%22%3E%3Cscript%3E")
    html = page.get(TRACES).content.decode()
    assert "<script>alert(1)" not in html
    assert '"><script>' not in html


def test_the_menu_takes_one_query_however_many_views(page: Client, project: Project, viewer: User, seen: None) -> None:
    def queries() -> int:
        page.get(TRACES)
        with CaptureQueriesContext(connection) as captured:
            page.get(TRACES)
        return len(captured)

    before = queries()
    operator = member(project, "operator")
    for number in range(12):
        owner = viewer if number % 2 else operator
        saved_views.save(project=project, by=owner, name=f"V{number}", page="traces", query="", shared=True, now=NOW)
    assert queries() == before


@pytest.mark.parametrize(
    ("name", "path", "query"),
    [
        ("overview", "", "range=6h&agent=helper"),
        ("sessions", "sessions/", "status=error"),
        ("agents", "agents/", "range=7d"),
        ("costs", "costs/", "by=agent&days=7"),
        ("logs", "logs/", "severity=error"),
        ("metrics", "metrics/", "q=duration"),
        ("metrics", "metrics/", "name=tests.level&agg=max&where=a%3Db&where=c%3Dd"),
    ],
)
def test_every_list_offers_its_views_and_leads_back_to_them(
    name: str, path: str, query: str, page: Client, sending: Sending
) -> None:
    root = sending.agent(attributes={"gen_ai.conversation.id": "s-1"})
    sending.send([root, sending.call(root)])
    sending.log(root, body="words")
    send(sending.project, point("tests.level", 60, 1.0))
    refresh(now=NOW)
    url = f"/p/fleet/{path}"
    answer = save(page, page=name, query=query)
    assert answer["Location"] == f"{url}?{query}"
    html = page.get(f"{url}?{query}").content.decode()
    assert html.count("Slow ones") >= 1
    assert f'<input type="hidden" name="page" value="{name}">' in html
    assert "data-here" in html
    assert "Slow ones" not in page.get(TRACES).content.decode()
    if name != "costs":
        # What refreshes itself does not carry the menu along; costs do not.
        assert "save-view" not in page.get(f"{url}?{query}", headers={"HX-Request": "true"}).content.decode()
