"""Where several people have to agree, in real browsers: what they are to agree with is there to be seen."""

from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.e2e.test_review_queue import accessible, asked, look, now
from tests.e2e.test_review_together import ana, publish

__all__ = ["ana"]

SIZES = [(1440, 900), (360, 780)]


def of_two(page: Page, console: Console, **fields: Any) -> dict[str, Any]:
    """A request on which two people have to agree."""
    action = f"wire_{uuid4().hex[:6]}"
    rule = {"name": "wire", "effect": "review", "condition": f'action == "{action}"', "review": {"approvals": 2}}
    publish(page, console, rules=[rule])
    return asked(console, action=action, **fields)


def edits_amount(tab: Watched, console: Console, request: dict[str, Any], to: str) -> None:
    """Approves another amount: one of two who have to agree."""
    page = tab.page
    look(tab, console, request)
    page.keyboard.press("e")
    page.get_by_label("Amount").fill(to)
    expect(page.locator("#edit-diff")).to_contain_text(to)
    page.get_by_role("button", name="Approve with changes").click()
    tab.told("Your approval counts: 1 of 2")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_changes_that_one_is_asked_to_agree_with_can_be_seen(
    console: Console, tab: Watched, ana: Watched, theme: Any
) -> None:
    page = tab.page
    request = of_two(page, console, arguments={"amount": 100, "to": "A long enough name of a company"})
    edits_amount(ana, console, request, "50")
    page.emulate_media(color_scheme=theme)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        look(tab, console, request)
        proposal = page.locator("#proposal-1")
        box, around = proposal.locator(".table-region").bounding_box(), proposal.bounding_box()
        assert box is not None
        assert around is not None
        assert box["width"] > 0.9 * around["width"]
        for value in ("del", "ins"):
            shown = proposal.locator(value).bounding_box()
            assert shown is not None
            assert shown["width"] > 10
            assert box["x"] <= shown["x"] < shown["x"] + shown["width"] <= box["x"] + box["width"] + 1
        accessible(page)
    proposal.get_by_role("button", name="Approve with these changes").click()
    tab.told("Approved with changes")
    assert now(console, request)["decision"]["arguments"]["amount"] == 50


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 360)])
def test_of_two_who_differ_one_takes_theirs_back_and_joins_the_other(
    console: Console, tab: Watched, ana: Watched, theme: Any, width: int
) -> None:
    page = tab.page
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    request = of_two(page, console, arguments={"amount": 100})
    look(tab, console, request)
    page.locator("#approve").click()
    tab.told("Your approval counts: 1 of 2")
    edits_amount(ana, console, request, "50")
    look(tab, console, request)
    expect(page.locator(".asked")).to_contain_text("They approve different things")
    accessible(page)
    page.locator("#see-proposal-1").click()
    expect(page.locator("#proposal-1")).to_be_in_viewport()
    page.get_by_role("button", name="Take back and approve with these changes").click()
    tab.told("Approved with changes")
    decided = now(console, request)
    assert (decided["status"], decided["decision"]["arguments"]) == ("approved", {"amount": 50})


def test_what_is_written_is_sent_by_keyboard_and_comes_back_when_something_is_missing(
    console: Console, tab: Watched
) -> None:
    page = tab.page
    request = asked(console)
    look(tab, console, request)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Send what you have written")
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    panel = page.locator("#panel-question")
    expect(panel.locator("textarea")).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(panel.locator(".field-errors")).to_contain_text("Write what you want to know.")
    expect(panel.locator("textarea")).to_be_focused()
    accessible(page)
    page.keyboard.type("Which account?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".talk")).to_contain_text("Which account?")
    page.keyboard.press("r")
    page.locator("#reject-reason").select_option("other")
    page.get_by_label("Details").fill("No account is named")
    page.keyboard.press("Control+Enter")
    tab.told("Rejected")
    assert now(console, request)["decision"]["reason"] == "No account is named"
    # Chromium reports the 422 itself; it was asked for.
    tab.faults[:] = [fault for fault in tab.faults if "422" not in fault]
