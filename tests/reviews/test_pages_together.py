"""Deciding on several requests at once, from a page that lists them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
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
from tests.reviews.test_pages_people import words

__all__ = ["ask", "reviewer"]

ADDRESS = "/p/shop/queue/together/?action=send_mail"


@pytest.fixture
def alike(ask: Callable[..., Approval]) -> list[Approval]:
    return [ask(action="send_mail", arguments={"to": f"p{n}@example.org"}) for n in range(3)]


def ids(rows: list[Approval]) -> list[str]:
    return [str(row.pk) for row in rows]


def statuses() -> list[str]:
    return sorted(Approval.objects.filter(action="send_mail").values_list("status", flat=True))


def test_the_queue_leads_there_for_every_action_of_which_several_harmless_requests_wait(
    ask: Callable[..., Approval], alike: list[Approval], ben: Caller, reviewer: Client, project: Project
) -> None:
    assert "3 alike, of low risk" in words(reviewer.get("/p/shop/queue/").content.decode())
    ask(action="process_refund")
    one = ask(action="close_ticket", arguments={"n": 1})
    assert "close_ticket Decide together" not in words(reviewer.get("/p/shop/queue/").content.decode())
    for number in range(2, 6):
        ask(action="close_ticket", arguments={"n": number})
    claim(approval=one, by=ben, now=clock.now())
    page = reviewer.get("/p/shop/queue/?risk=low").content.decode()
    assert "4 alike, of low risk: close_ticket Decide together" in words(page)
    assert "3 alike, of low risk: send_mail Decide together" in words(page)
    assert "/queue/together/?risk=low&amp;action=close_ticket" in page
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


@pytest.fixture
def undoable(project: Project) -> None:
    project.undo_seconds = 60
    project.save()


def undo(client: Client, rows: list[Approval]) -> Any:
    return client.post("/p/shop/queue/together/undo/?action=send_mail", {"ids": ids(rows)})


def test_what_was_decided_together_is_taken_back_in_one_go(
    undoable: None, alike: list[Approval], reviewer: Client
) -> None:
    listed = reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike[:2])}).headers["Location"]
    page = reviewer.get(listed).content.decode()
    assert "2 requests decided together." in words(page)
    offered = page[page.index('id="undo-together"') :]
    assert [f'name="ids" value="{key}"' in offered for key in ids(alike)] == [True, True, False]
    assert str(alike[0].pk) not in reviewer.get("/p/shop/queue/list/").content.decode()
    answer = undo(reviewer, alike[:2])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/p/shop/queue/?action=send_mail")
    page = reviewer.get(answer.headers["Location"]).content.decode()
    assert "2 decisions taken back. The agents were not told." in page
    assert "undo-together" not in page
    assert all(f"row-{key}" in page for key in ids(alike))
    assert not Decision.objects.filter(withdrawn_at=None).exists()


def test_what_cannot_be_taken_back_any_more_is_listed_with_why(
    undoable: None, alike: list[Approval], ben: Caller, reviewer: Client
) -> None:
    reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike[:2])})
    Approval.objects.filter(pk=alike[0].pk).update(settles_at=clock.now() - timedelta(seconds=1))
    page = undo(reviewer, alike).content.decode()
    assert "1 decision taken back." in page
    assert "These could not be taken back:" in page
    assert "the agent is told" in page
    assert "There is nothing of yours to take back." in page
    assert f'id="row-{alike[1].pk}"' not in page
    assert [one.withdrawn_at is None for one in Decision.objects.order_by("pk")] == [True, False]


def test_without_time_to_think_again_nothing_is_offered(alike: list[Approval], reviewer: Client) -> None:
    listed = reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike[:2])}).headers["Location"]
    assert "undo-together" not in reviewer.get(listed).content.decode()


def test_of_another_project_nothing_is_taken_back(
    undoable: None, alike: list[Approval], other_project: Project, reviewer: Client, client: Client
) -> None:
    reviewer.post(ADDRESS, {"verdict": "approve", "ids": ids(alike[:2])})
    client.force_login(make_person("Olga", other_project, "admin"), PASSWORD)
    answer = client.post("/p/bank/queue/together/undo/", {"ids": ids(alike)})
    assert str(alike[0].pk) not in answer.content.decode()
    assert Decision.objects.filter(withdrawn_at=None).count() == 2
