"""What agents say reaches bells and letters as nothing but words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.authentication import Caller
from agents.models import Notification, Project
from reviews.models import Approval
from reviews.services import information
from reviews.services.assignment import assign
from reviews.services.requests import Asked, create_requests
from tests.reviews.conftest import NOON, draft, make_person

TRAP = "Signed out. <b>Sign in</b> @all: https://evil.example/login\u202e"
WORDS = "Signed out. ‹b›Sign in‹/b› ＠all: https(:)//evil.example/login"


@pytest.mark.parametrize("verb", ["requested", "many", "assigned", "answered"])
def test_an_agent_puts_no_links_into_bells(
    request_one: Callable[..., Approval], project: Project, ana: Caller, ben: Caller, verb: str
) -> None:
    said: dict[str, Any] = {"action": TRAP, "summary": TRAP}
    approval = request_one(**said)
    if verb == "many":
        asked = Asked(project=project, by=Caller(key=approval.requested_by_key), draft=draft(**said))
        create_requests(asked=[asked] * 4, now=NOON)
    if verb == "assigned":
        assign(approval=approval, by=Caller(user=make_person("Lea", project, "lead")), user=ben.user, now=NOON)
    if verb == "answered":
        information.request_info(approval=approval, by=ana, text="Why?", now=NOON)
        information.post_message(approval=approval, by=Caller(key=approval.requested_by_key), text=TRAP, now=NOON)
    told = list(Notification.objects.exclude(user__name="Lea").values_list("title", "body"))
    assert told
    assert WORDS in told[-1][0] + told[-1][1]
    assert not any("https://" in text or "<" in text or "\u202e" in text for line in told for text in line)
