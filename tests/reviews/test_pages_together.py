"""Deciding on several requests at once, from a page that lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.models import Approval, Decision
from reviews.services.claims import claim
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import create_request
from reviews.states import Verdict
from tests.reviews.conftest import draft, make_person
from tests.reviews.test_pages_deciding import PASSWORD, ask, reviewer

__all__ = ["ask", "reviewer"]

ADDRESS = "/p/shop/queue/together/?action=send_mail"


@pytest.fixture
def alike(ask: Callable[..., Approval]) -> list[Approval]:
    return [ask(action="send_mail", arguments={"to": f"p{n}@example.org"}) for n in range(3)]


def ids(rows: list[Approval]) -> list[str]:
    return [str(row.pk) for row in rows]


def statuses() -> list[str]:
    return sorted(Approval.objects.filter(action="send_mail").values_list("status", flat=True))


def test_the_queue_leads_there_when_all_that_it_shows_is_alike_and_harmless(
    ask: Callable[..., Approval], alike: list[Approval], reviewer: Client, project: Project
) -> None:
    assert "open-together" in reviewer.get("/p/shop/queue/").content.decode()
    ask(action="process_refund")
    assert "open-together" not in reviewer.get("/p/shop/queue/").content.decode()
    assert "open-together" in reviewer.get("/p/shop/queue/?action=send_mail").content.decode()
    reviewer.force_login(make_person("Vera", project, "viewer"), PASSWORD)
    assert "open-together" not in reviewer.get("/p/shop/queue/?action=send_mail").content.decode()


def test_the_filters_of_the_queue_hold_there_too_and_what_another_holds_is_left_to_them(
    ask: Callable[..., Approval], alike: list[Approval], ben: Caller, reviewer: Client
) -> None:
    mine = [ask(action="send_mail", arguments={"to": f"q{n}@example.org"}, agent="alpha") for n in range(3)]
    listed = reviewer.get("/p/shop/queue/?agent=alpha").content.decode()
    assert "/queue/together/?action=send_mail&amp;agent=alpha" in listed
    claim(approval=mine[2], by=ben, now=clock.now())
    page = reviewer.get(f"{ADDRESS}&agent=alpha").content.decode()
    assert [f'value="{key}"' in page for key in ids([*mine, *alike])] == [True, True, False, False, False, False]


def test_the_page_lists_what_is_decided_and_only_that(
    ask: Callable[..., Approval], alike: list[Approval], project: Project, ana: Caller, reviewer: Client
) -> None:
    risky = ask(action="send_mail")
    own = create_request(project=project, by=ana, draft=draft(action="send_mail", arguments={}), now=clock.now())
    page = reviewer.get(ADDRESS).content.decode()
    assert all(f'value="{key}"' in page for key in ids(alike))
    assert f'value="{risky.pk}"' not in page
    assert f'value="{own.pk}"' not in page
    answer = reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike[:2])})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/p/shop/queue/?action=send_mail")
    assert "2 requests decided." in reviewer.get(answer.headers["Location"]).content.decode()
    assert statuses() == ["approved", "approved", "pending", "pending", "pending"]


def test_a_rejection_of_many_needs_one_reason(alike: list[Approval], reviewer: Client) -> None:
    form: dict[str, Any] = {"verdict": "reject", "ids": ids(alike)}
    refused = reviewer.post(ADDRESS, {**form, "reason": ""})
    assert refused.status_code == 422
    assert 'data-decide-panel="reject" open' in refused.content.decode()
    assert statuses() == ["pending"] * 3
    assert reviewer.post(ADDRESS, {**form, "reason": "Too risky"}).status_code == 303
    assert set(Decision.objects.values_list("reason", flat=True)) == {"Too risky"}


def test_what_somebody_else_decided_meanwhile_is_listed_with_who(
    alike: list[Approval], ben: Caller, reviewer: Client
) -> None:
    decide(approval=alike[1], by=ben, ruling=Ruling(verdict=Verdict.REJECT, reason="No"), now=clock.now())
    page = reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike)}).content.decode()
    assert "2 requests decided." in page
    assert "Ben already rejected this request." in page
    assert str(alike[0].pk) not in page


@pytest.mark.parametrize("form", [{"verdict": "approve"}, {"verdict": "edit", "ids": "x"}, {"ids": "zzz"}])
def test_nothing_chosen_is_asked_for(alike: list[Approval], reviewer: Client, form: dict[str, str]) -> None:
    answer = reviewer.post(ADDRESS, form)
    assert answer.status_code == 422
    assert "Tick the requests" in answer.content.decode()


def test_what_is_not_alike_is_refused_as_a_whole(
    ask: Callable[..., Approval], alike: list[Approval], reviewer: Client
) -> None:
    other = ask(action="process_refund", arguments={})
    answer = reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids([*alike, other])})
    assert answer.status_code == 422
    assert "Only requests for the same action" in answer.content.decode()
    assert not Decision.objects.exists()


def test_of_another_project_nothing_is_decided(alike: list[Approval], other_project: Project, client: Client) -> None:
    client.force_login(make_person("Olga", other_project, "admin"), PASSWORD)
    answer = client.post("/p/bank/queue/together/?action=send_mail", {"verdict": "approve", "ids": ids(alike)})
    assert answer.status_code == 422
    assert statuses() == ["pending"] * 3
