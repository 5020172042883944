"""The bell shows what needs a person: first what still does, then what did."""

from datetime import datetime, timedelta

from agents.models import Notification, Project, User
from agents.roles import Role
from agents.services.notify import News, no_longer_wanted, tell
from agents.views.notifications import BELL_SIZE
from tests.agents.conftest import Browse, MakePerson


def wanted(project: Project, people: list[User], number: int, now: datetime) -> str:
    url = f"/p/alpha/queue/{number}/"
    news = News(users=people, kind="approval.requested", title=f"Wanted {number:02}", body="", url=url)
    tell(project=project, news=[news], now=now)
    return url


def test_what_still_waits_comes_before_what_is_over(
    project: Project, admin: User, person: MakePerson, browse: Browse, now: datetime
) -> None:
    other = person("Bo", Role.VIEWER, project)
    urls = [wanted(project, [admin, other], number, now + timedelta(seconds=number)) for number in range(BELL_SIZE + 4)]
    assert no_longer_wanted(urls=urls[2:], now=now) == 2 * (BELL_SIZE + 2)
    assert Notification.objects.of(other.pk).unread().count() == 2
    shown = browse(admin).get("/notifications/bell/").content.decode()
    first, second, latest = (shown.index(f"Wanted {number:02}") for number in (1, 0, BELL_SIZE + 3))
    assert first < second < latest
    assert shown.count("data-unread") == 2
    assert shown.count('class="bell-item"') == BELL_SIZE


def test_nothing_over_costs_nothing(project: Project, admin: User, now: datetime) -> None:
    wanted(project, [admin], 1, now)
    assert no_longer_wanted(urls=[], now=now) == 0
    assert no_longer_wanted(urls=["/p/alpha/queue/2/"], now=now) == 0
    assert Notification.objects.of(admin.pk).unread().count() == 1
