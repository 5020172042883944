"""Several people at one queue, in real browsers: who looks, who holds it, what is decided in one go, and how."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Watched, open_tab
from tests.e2e.running import Console
from tests.e2e.test_review_queue import accessible, asked, look, now

PASSWORD = "a long enough sentence"
LIST = "**/queue/list/**"


@pytest.fixture
def ana(tab: Watched, browser: Browser, console: Console) -> Iterator[Watched]:
    """A reviewer in a browser of her own."""
    members = console.page_url("settings/members/")
    tab.page.goto(members)
    tab.page.get_by_label("E-mail address").fill(f"ana-{uuid4().hex[:6]}@example.org")
    tab.page.get_by_label("Role").first.select_option("reviewer")
    tab.page.get_by_role("button", name="Make a link").click()
    link = tab.page.locator("#link-shown code").inner_text().strip()
    context = browser.new_context(reduced_motion="reduce")
    opened = open_tab(context)
    opened.page.goto(link)
    opened.page.get_by_label("Your name").fill("Ana")
    opened.page.get_by_label("Password", exact=True).fill(PASSWORD)
    opened.page.get_by_label("Password again").fill(PASSWORD)
    opened.page.get_by_role("button", name="Make my account").click()
    opened.page.wait_for_url(console.page_url())
    yield opened
    context.close()
    assert opened.faults == []


def token_of(page: Page) -> str:
    return next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")


def publish(page: Page, console: Console, **policy: Any) -> None:
    """A new version of the policy, by whoever is signed in there."""
    headers = {"X-CSRFToken": token_of(page), "Handrail-Project": console.project, "Referer": console.url}
    answer = page.request.post(f"{console.url}/api/v1/policies", data=policy, headers=headers)
    assert answer.status == 201, answer.text()


def test_others_who_look_are_seen_until_they_leave_and_a_claim_does_not_stand_in_ones_own_way(
    console: Console, tab: Watched, ana: Watched
) -> None:
    request = asked(console)
    look(tab, console, request)
    expect(tab.page.locator("#looking")).to_be_hidden()
    look(ana, console, request)
    expect(tab.page.locator("#looking")).to_contain_text("Ana is looking at this")
    expect(ana.page.locator("#looking")).to_contain_text("is looking at this")
    expect(ana.page.locator("#looking")).not_to_contain_text("Ana")
    ana.page.keyboard.press("c")
    expect(ana.page.locator("#hold")).to_contain_text("You hold this")
    expect(tab.page.locator("#hold")).to_contain_text("Ana holds this")
    expect(tab.page.locator(".bar-words")).to_contain_text("Ana has claimed this.")
    expect(tab.page.locator("#approve")).to_have_count(0)
    accessible(tab.page)
    # Whoever holds it finds it by that filter, opens it there and decides.
    ana.page.goto(console.page_url("queue/?whose=held"))
    expect(ana.page.locator("[data-row]")).to_have_count(1)
    expect(ana.page.locator("#approve")).to_be_visible()
    expect(ana.page.locator("#filter-whose")).to_have_value("held")
    ana.page.goto(console.page_url())
    expect(tab.page.locator("#looking")).to_be_hidden()
    look(ana, console, request)
    ana.page.keyboard.press("a")
    expect(tab.page.locator(".review-result")).to_contain_text("Ana")
    tab.told("Ana approved")
    assert now(console, request)["status"] == "approved"


def take_over(page: Page) -> None:
    """Takes a request from Ana by keyboard, which is asked about."""
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(page.locator("#hold")).to_contain_text("Ana holds this")
    page.keyboard.press("Enter")
    expect(page.locator("#hold")).to_contain_text("You hold this")


def test_what_is_being_written_survives_a_colleagues_claim_the_way_to_another_request_and_a_reload(
    console: Console, tab: Watched, ana: Watched
) -> None:
    page, action = tab.page, f"pay_{uuid4().hex[:6]}"
    request = asked(console, action=action, arguments={"amount": 120})
    asked(console, action=action)
    for one in (tab, ana):
        one.page.goto(console.page_url(f"queue/{request['id']}/?action={action}"))
        one.rest()
    page.keyboard.press("r")
    page.get_by_label("Details").fill("Not before")
    ana.page.keyboard.press("c")
    expect(page.locator("#bar-held")).to_contain_text("Ana has claimed this. What you wrote is kept")
    page.keyboard.type(" the audit")
    expect(page.get_by_label("Details")).to_have_value("Not before the audit")
    expect(page.locator("#send-reject")).to_be_hidden()
    accessible(page)
    take_over(page)
    expect(page.locator("summary#reject")).to_have_attribute("data-draft", "draft")
    page.keyboard.press("e")
    page.get_by_label("Amount").fill("77")
    expect(page.locator("#edit-diff")).to_contain_text("77")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("#approval")).not_to_have_attribute("data-approval", request["id"])
    expect(page.locator("[data-draft]")).to_have_count(0)
    page.keyboard.press("k")
    expect(page.locator("[data-draft]")).to_have_count(2)
    page.reload()
    page.keyboard.press("e")
    expect(page.get_by_label("Amount")).to_have_value("77")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#open-edit")).not_to_have_attribute("data-draft", "draft")
    page.keyboard.press("r")
    expect(page.get_by_label("Details")).to_have_value("Not before the audit")
    page.locator("#reject-reason").select_option(index=1)
    page.locator("#send-reject").click()
    tab.told("Rejected")
    assert now(console, request)["decision"]["message"] == "Not before the audit"


def test_filters_are_saved_as_a_view_from_the_queue(console: Console, tab: Watched) -> None:
    page = tab.page
    request = asked(console, agent={"name": f"agent-{uuid4().hex[:6]}"})
    asked(console)
    name = request["agent"]["name"]
    page.goto(console.page_url("queue/"))
    page.get_by_label("Agent", exact=True).select_option(name)
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page).to_have_url(console.page_url(f"queue/?agent={name}"))
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("button", name="Save this view").click()
    page.locator("#save-view-name").fill(f"Mine {name}")
    page.locator("#save-view").get_by_role("button", name="Save").click()
    tab.told("is saved")
    look(tab, console, request)
    page.get_by_text("Views", exact=True).click()
    page.get_by_role("link", name=f"Mine {name}").click()
    expect(page).to_have_url(console.page_url(f"queue/?agent={name}"))
    expect(page.locator("[data-row]")).to_have_count(1)


def test_a_slow_refetch_of_the_list_does_not_undo_a_filter(console: Console, tab: Watched) -> None:
    page = tab.page
    name = asked(console, agent={"name": f"agent-{uuid4().hex[:6]}"})["agent"]["name"]
    asked(console)
    page.goto(console.page_url("queue/"))
    held: list[Route] = []

    def hold_back(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(LIST, hold_back)
    with page.expect_request(LIST):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live:queue'))")
    page.get_by_label("Agent", exact=True).select_option(name)
    expect(page.locator("[data-row]")).to_have_count(1)
    with page.expect_response(lambda answer: "/queue/list/" in answer.url and name in answer.url):
        held[0].continue_()
    expect(page.locator("[data-row]")).to_have_count(1)


def test_what_is_left_of_a_batch_is_listed_and_approved_in_one_go(console: Console, tab: Watched) -> None:
    page = tab.page
    request = asked(console, actions=[{"action": f"step_{name}", "arguments": {"n": name}} for name in "abcd"])
    look(tab, console, request)
    page.keyboard.press("a")
    tab.told("Approved: step_a")
    expect(page.locator("#batch-1")).to_have_attribute("aria-current", "true")
    tab.settled()
    page.keyboard.press("a")
    tab.told("Approved: step_b")
    page.get_by_role("button", name="Approve all 2 that are left").click()
    expect(page.locator("#approve-rest li")).to_have_count(2)
    accessible(page)
    page.locator("#send-rest").click()
    tab.told("Approved: 2 actions")
    expect(page.locator("#approval")).not_to_have_attribute("data-approval", request["id"])
    assert {item["status"] for item in now(console, request)["items"]} == {"approved"}


def test_an_answer_that_the_agent_offers_begins_what_is_written(console: Console, tab: Watched) -> None:
    page = tab.page
    options = [
        {"name": "dear", "title": "Too dear", "prompt_fill": "At most 500"},
        {"name": "late", "title": "Too late"},
    ]
    request = asked(console, context={"reject_options": options})
    look(tab, console, request)
    page.keyboard.press("r")
    page.get_by_label("Too dear").check()
    expect(page.get_by_label("Details")).to_have_value("At most 500")
    page.get_by_label("Details").fill("At most 500, please")
    accessible(page)
    page.locator("#send-reject").click()
    tab.told("Rejected")
    decision = now(console, request)["decision"]
    assert (decision["reason"], decision["labels"]) == ("At most 500, please", ["dear"])


def test_how_it_went_is_asked_and_kept(console: Console, tab: Watched) -> None:
    page = tab.page
    request = asked(console)
    look(tab, console, request)
    page.keyboard.press("a")
    tab.told("Approved")
    look(tab, console, request)
    expect(page.locator(".outcome-ask")).to_contain_text("Do you know?")
    accessible(page)
    page.get_by_label("Note").fill("The bank said no")
    page.get_by_role("button", name="Failed").click()
    expect(page.locator("#outcome")).to_contain_text("Failed")
    assert now(console, request)["outcome"]["detail"] == {"note": "The bank said no"}


def test_proving_who_one_is_leads_back_to_the_same_request(console: Console, tab: Watched) -> None:
    page, action = tab.page, f"pay_{uuid4().hex[:6]}"
    rule = {"name": "pay", "effect": "review", "condition": f'action == "{action}"', "review": {"reauthenticate": True}}
    publish(page, console, rules=[rule])
    request = asked(console, action=action)
    here = f"/p/{console.project}/queue/{request['id']}/"
    page.goto(f"{console.url}/accounts/reauthenticate/?next={here}%3Faction%3D{action}")
    accessible(page)
    page.locator("input[type=password]").fill("not my password")
    page.locator("main button[type=submit], form button[type=submit]").first.click()
    expect(page.locator("body")).to_contain_text("ncorrect password")
    page.locator("input[type=password]").fill(console.password)
    page.locator("main button[type=submit], form button[type=submit]").first.click()
    expect(page).to_have_url(f"{console.url}{here}?action={action}")
    expect(page.locator("#approve")).to_be_visible()
    page.keyboard.press("a")
    tab.told("Approved")
    assert now(console, request)["status"] == "approved"


def test_while_a_decision_is_under_way_it_cannot_be_sent_again(console: Console, tab: Watched) -> None:
    page, action = tab.page, f"slow_{uuid4().hex[:6]}"
    first, second = (asked(console, action=action) for _number in range(2))
    held: list[Route] = []
    page.route("**/decision/**", lambda route: held.append(route))  # noqa: PLW0108  # it wants a function of ours
    page.goto(console.page_url(f"queue/{first['id']}/?action={action}"))
    page.locator("#approve").click()
    expect(page.locator("#approve")).to_be_disabled()
    page.keyboard.press("a")
    page.keyboard.press("a")
    assert len(held) == 1
    held[0].continue_()
    expect(page.locator("#approval")).to_have_attribute("data-approval", second["id"])
    expect(page.locator("#approval-title")).to_be_focused()
    assert [now(console, one)["status"] for one in (first, second)] == ["approved", "pending"]
    # Away from the network the person is told, the decision is not lost from sight, and can be sent again.
    page.unroute("**/decision/**")
    tab.settled()
    page.route("**/decision/**", lambda route: route.abort("internetdisconnected"))
    page.locator("#approve").click()
    expect(page.locator(".toast-danger")).to_contain_text("No answer from the server")
    expect(page.locator("#approve")).to_be_enabled()
    page.unroute("**/decision/**")
    page.locator("#approve").click()
    expect(page.locator(f"[data-approval='{second['id']}']")).to_have_count(0)
    assert now(console, second)["status"] == "approved"
    tab.faults[:] = [fault for fault in tab.faults if "ERR_INTERNET_DISCONNECTED" not in fault and "fetch" not in fault]


def test_the_palette_opens_a_request_by_its_id_and_the_keys_of_the_page_come_first(
    console: Console, tab: Watched
) -> None:
    page = tab.page
    request = asked(console)
    page.goto(console.page_url("queue/"))
    page.keyboard.press("Control+k")
    page.locator("#palette-input").fill(request["id"])
    page.keyboard.press("Enter")
    expect(page.locator("#approval")).to_have_attribute("data-approval", request["id"])
    tab.rest()
    page.keyboard.press("?")
    keys = page.locator("#keys dd")
    expect(page.locator("#keys")).to_contain_text("Approve")
    listed = [text.strip() for text in keys.all_inner_texts()]
    assert listed.index("a") < listed.index("g\nq" if "g\nq" in listed else "gq")
    for key in "aermiscjk":
        assert key in listed, (key, listed)
