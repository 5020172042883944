"""Requests read in one go say what they say when the ORM reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents.authentication import Caller
from agents.models import Project, Team
from reviews import states
from reviews.api.plain import written
from reviews.models import Approval
from reviews.selectors.whole import read_whole
from reviews.serializers.approvals import represent
from reviews.services.claims import claim
from reviews.services.decisions import Ruling, decide
from reviews.services.information import post_message, request_info
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.reviews.conftest import NOON, REFUND

Make = Callable[..., Approval]
V = states.Verdict


@pytest.fixture
def requests(project: Project, agent: Caller, ana: Caller, ben: Caller, request_one: Make) -> list[Approval]:
    """Requests in all sorts of states."""
    plain, edited, talked, claimed, assigned = (
        request_one(context={"z": 1.0, "a": [None, "ü"]}, confidence=1e-7, tags=["x"]) for _ in range(5)
    )
    decide(approval=edited, by=ana, ruling=Ruling(verdict=V.EDIT, arguments={**REFUND, "big": 2**70}), now=NOON)
    request_info(approval=talked, by=ben, text="Which customer?", now=NOON)
    post_message(approval=talked, by=agent, text="The first.", now=NOON)
    claim(approval=claimed, by=ben, now=NOON)
    assigned.assigned_to = ana.user
    assigned.routed_to = Team.objects.create(project=project, slug="money", name="Money", created_at=NOON)
    assigned.save(update_fields=["assigned_to", "routed_to"])
    items = tuple(ItemDraft(action=f"step_{index}", arguments={"n": index}) for index in range(3))
    draft = RequestDraft(items=items, timeout=timedelta(minutes=5))
    batch = create_request(project=project, by=agent, draft=draft, now=NOON)
    for item in range(3):
        verdict = Ruling(verdict=V.REJECT if item else V.APPROVE, reason="no", item=item)
        decide(approval=batch, by=ana, ruling=verdict, now=NOON)
    return [plain, edited, talked, claimed, assigned, batch]


def test_what_is_read_in_one_go_is_what_the_orm_reads(requests: list[Approval]) -> None:
    whole = read_whole([one.pk for one in requests])
    for one in requests:
        row, parts = whole[one.pk]
        expected = represent(Approval.objects.with_parts().get(pk=one.pk), estimated_wait_seconds=7)
        told = json.loads(written(represent(row, parts=parts, estimated_wait_seconds=7)))
        assert told == expected
        assert list(told) == list(expected)


def test_it_takes_one_query_and_no_more_for_whatever_is_told(
    requests: list[Approval], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        for row, parts in read_whole([one.pk for one in requests]).values():
            represent(row, parts=parts, estimated_wait_seconds=None)


def test_nothing_is_found_of_ids_that_are_unknown(project: Project, django_assert_num_queries: Any) -> None:
    assert read_whole([uuid4()]) == {}
    with django_assert_num_queries(0):
        assert read_whole([]) == {}
