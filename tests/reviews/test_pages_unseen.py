"""Characters that nobody sees are told of wherever people read or edit what an agent sent; what is sent keeps them."""

from __future__ import annotations

import html

import pytest
from django.test import Client

from reviews.models import Approval, Decision
from tests.reviews.test_pages_deciding import HTMX, ask, edit, reviewer
from tests.reviews.test_pages_people import Ask, page_of

__all__ = ["ask", "reviewer"]

TURNED = "pay\u202eme"


@pytest.fixture
def wanted(ask: Ask) -> Approval:
    schema = {"type": "object", "properties": {"to": {"type": "string"}, "amount": {"type": "number"}}}
    return ask(
        action="send\u200bmail",
        summary=TURNED,
        agent="bo\u2066t",
        context={"messages": [{"role": "user", "content": "now\u200f"}, {"role": "user", "content": "x\u200f" * 900}]},
        tags=("t\u202eag",),
        arguments={"to": TURNED, "amount": 5},
        arguments_schema=schema,
    )


def test_no_page_shows_them_as_they_are_but_in_what_is_sent_back(wanted: Approval, reviewer: Client) -> None:
    page = html.unescape(page_of(reviewer, wanted))
    assert "pay⟨U+202E⟩me" in page
    assert "send⟨U+200B⟩mail" in page
    listed = reviewer.get("/p/shop/queue/list/").content.decode()
    once = reviewer.get(f"/p/shop/queue/{wanted.pk}/decide/reject/").content.decode()
    for text in (listed, once):
        assert TURNED not in text
        assert "pay⟨U+202E⟩me" in text
    assert "now⟨U+200F⟩" in page
    assert "\u200f" not in page
    assert page.count(TURNED) == 2, "the field, and the arguments that the fields were made of"


def test_the_editor_says_at_the_field_what_is_in_it(wanted: Approval, reviewer: Client) -> None:
    page = page_of(reviewer, wanted)
    assert 'id="edit-argument:/to-unseen" data-unseen="U+202E"' in page
    assert 'aria-describedby="edit-argument:/to-unseen"' in page
    assert "edit-argument:/amount-unseen" not in page
    address = f"/p/shop/queue/{wanted.pk}/changes/"
    as_json = reviewer.post(address, {"switch": "json"}, headers=HTMX).content.decode()
    assert 'id="edit-json-unseen" data-unseen="U+202E"' in as_json


def test_what_is_not_touched_keeps_them(wanted: Approval, reviewer: Client) -> None:
    assert edit(reviewer, wanted, argument__to=TURNED, argument__amount="6").status_code == 303
    assert Decision.objects.get().arguments == {"to": TURNED, "amount": 6}
