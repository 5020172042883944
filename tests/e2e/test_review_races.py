"""What is pressed while an answer is on its way: in real browsers, with answers that take as long as a test wants."""

from typing import Any
from uuid import uuid4

from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.e2e.conftest import Watched, idle
from tests.e2e.running import Console
from tests.e2e.test_review_queue import asked, look, now
from tests.waiting import eventually

ITEMS, CHECKS, DECISIONS, QUEUE = "**/item/*", "**/changes/", "**/decision/*", "**/queue/?*"


class Held:
    """Requests of a page that get no answer until they are let go, in the order in which they were made."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.page, self.pattern, self.routes = page, pattern, list[Route]()
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        self.routes.append(route)

    def are(self, count: int) -> None:
        """Waits until so many have been made."""
        eventually(lambda: self.page.evaluate("true") and len(self.routes) == count)

    def let_go(self, which: int) -> None:
        """Answers one; returns once the page has the answer."""
        route = self.routes[which]
        with self.page.expect_event("requestfinished", lambda done: done == route.request):
            route.continue_()

    def end(self) -> None:
        self.page.unroute(self.pattern)


def alike(console: Console, count: int, **fields: Any) -> tuple[str, list[dict[str, Any]]]:
    """The query of a list of requests for one action, and these in its order."""
    action = f"pay_{uuid4().hex[:6]}"
    times = range(900, 900 + 120 * count, 120)
    return f"?action={action}", [asked(console, action=action, timeout_seconds=time, **fields) for time in times]


def shows(page: Page, request: dict[str, Any]) -> None:
    expect(page.locator("#approval")).to_have_attribute("data-approval", request["id"])


def row(page: Page, request: dict[str, Any]) -> Locator:
    return page.locator(f"#row-{request['id']}")


def sent(page: Page, what: str) -> list[Request]:
    """The requests of that sort that a page makes from now on."""
    found: list[Request] = []

    def note(request: Request) -> None:
        if what in request.url:
            found.append(request)

    page.on("request", note)
    return found


def begin(tab: Watched, console: Console, query: str, request: dict[str, Any]) -> Page:
    """Opens a request beside the list of that query."""
    tab.page.goto(console.page_url(f"queue/{request['id']}/{query}"))
    shows(tab.page, request)
    tab.rest()
    expect(tab.page.locator("#approve")).to_be_enabled()
    return tab.page


def edited(tab: Watched, console: Console) -> dict[str, Any]:
    """A request whose amount of 400 has been changed into 900, as its page shows."""
    request = asked(console, arguments={"amount": 400, "note": "twice"})
    look(tab, console, request)
    tab.page.keyboard.press("e")
    tab.page.get_by_label("Amount").fill("900")
    expect(tab.page.locator("#edit-diff")).to_contain_text("900")
    return request


def test_a_button_that_is_held_down_while_an_answer_arrives_is_still_pressed(console: Console, tab: Watched) -> None:
    request = edited(tab, console)
    page, diff, decided = tab.page, tab.page.locator("#edit-diff"), sent(tab.page, "/decision/")
    checks = Held(page, CHECKS)
    page.keyboard.press("End")
    page.keyboard.type("1")
    checks.are(1)
    page.locator("#send-edit").hover()
    page.mouse.down()
    checks.let_go(0)
    checks.end()
    expect(diff).not_to_contain_text("9001")
    with page.expect_response(DECISIONS):
        page.mouse.up()
    # It was sent; what had not been shown yet is shown first.
    expect(diff).to_contain_text("9001")
    assert now(console, request)["status"] == "pending"
    tab.settled()
    page.locator("#send-edit").click()
    tab.told("Approved with changes")
    assert len(decided) == 2
    assert now(console, request)["decision"]["arguments"] == {"amount": 9001, "note": "twice"}


def test_a_button_that_is_let_go_elsewhere_leaves_the_changes_as_they_are_now(console: Console, tab: Watched) -> None:
    edited(tab, console)
    page, diff, decided = tab.page, tab.page.locator("#edit-diff"), sent(tab.page, "/decision/")
    checks = Held(page, CHECKS)
    page.get_by_label("Amount").fill("901")
    checks.are(1)
    page.locator("#send-edit").hover()
    page.mouse.down()
    checks.let_go(0)
    checks.end()
    page.locator("#approval-title").hover()
    page.mouse.up()
    expect(diff).to_contain_text("901")
    assert decided == []


def test_what_was_typed_is_checked_once(console: Console, tab: Watched) -> None:
    page = tab.page
    look(tab, console, asked(console, arguments={"amount": 400}))
    page.keyboard.press("e")
    checks = sent(page, "/changes/")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("900")
    expect(page.locator("#edit-diff")).to_contain_text("900")
    # Leaving the field tells of a change once more.
    with page.expect_event("console", lambda message: message.text == "left"):
        page.evaluate("document.addEventListener('change', () => console.log('left'), {once: true})")
        page.keyboard.press("Tab")
    tab.rest()
    assert len(checks) == 1
    page.get_by_label("Amount").fill("901")
    expect(page.locator("#edit-diff")).to_contain_text("901")


def test_an_answer_to_earlier_typing_does_not_take_the_place_of_a_later_one(console: Console, tab: Watched) -> None:
    page = tab.page
    look(tab, console, asked(console, arguments={"amount": 400}))
    page.keyboard.press("e")
    amount, diff = page.get_by_label("Amount"), page.locator("#edit-diff")
    checks = Held(page, CHECKS)
    for number in range(1, 4):
        amount.fill(f"{number}000")
        checks.are(number)
    checks.let_go(1)
    checks.let_go(2)
    expect(diff).to_contain_text("3000")


def test_what_is_called_off_while_its_draft_is_still_coming_back_stays_called_off(
    console: Console, tab: Watched
) -> None:
    edited(tab, console)
    page = tab.page
    page.keyboard.press("Escape")
    expect(page.locator("#open-edit")).to_have_attribute("data-draft", "draft")
    page.reload()
    tab.rest()
    rebuilt = Held(page, CHECKS)
    page.keyboard.press("e")
    rebuilt.are(1)
    page.get_by_role("button", name="Cancel").click()
    rebuilt.are(2)
    for route in rebuilt.routes:
        route.continue_()
    rebuilt.end()
    tab.rest()
    expect(page.locator("[data-draft]")).to_have_count(0)
    page.keyboard.press("e")
    expect(page.get_by_label("Amount")).to_have_value("400")


def test_a_key_meant_for_a_request_that_is_still_coming_waits_for_it(console: Console, tab: Watched) -> None:
    query, (first, second) = alike(console, 2, arguments={"amount": 400})
    page, decided = begin(tab, console, query, first), sent(tab.page, "/decision/")
    items = Held(page, ITEMS)
    row(page, second).click()
    items.are(1)
    page.keyboard.press("a")
    page.keyboard.press("e")
    expect(page.locator("#edit")).not_to_have_attribute("open", "")
    items.let_go(0)
    items.end()
    shows(page, second)
    expect(page.get_by_label("Amount")).to_be_focused()
    tab.rest()
    expect(page.get_by_label("Amount")).to_be_visible()
    assert decided == []


def test_two_steps_on_lead_two_requests_on_and_nothing_that_comes_late_leads_back(
    console: Console, tab: Watched
) -> None:
    query, (first, second, third) = alike(console, 3)
    page = begin(tab, console, query, first)
    items = Held(page, ITEMS)
    page.keyboard.press("j")
    expect(row(page, second)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(row(page, third)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    items.are(3)
    items.let_go(2)
    shows(page, second)
    items.routes[1].continue_()
    items.end()
    tab.rest()
    shows(page, second)
    expect(page).to_have_url(console.page_url(f"queue/{second['id']}/{query}"))


def test_going_on_does_not_call_off_what_is_being_sent(console: Console, tab: Watched) -> None:
    query, (first, _second, third) = alike(console, 3)
    page = begin(tab, console, query, first)
    decisions = Held(page, DECISIONS)
    page.keyboard.press("a")
    decisions.are(1)
    page.keyboard.press("j")
    row(page, third).click()
    decisions.let_go(0)
    tab.told("Approved")
    shows(page, third)
    assert [now(console, one)["status"] for one in (first, third)] == ["approved", "pending"]


def test_the_news_of_ones_own_decision_do_not_redraw_what_its_answer_is_about_to_replace(
    console: Console, tab: Watched
) -> None:
    query, (first, second) = alike(console, 2)
    page = begin(tab, console, query, first)
    decisions = Held(page, DECISIONS)
    page.keyboard.press("a")
    decisions.are(1)
    with page.expect_event("requestfinished", lambda done: "/item/" in done.url):
        answer = decisions.routes[0].fetch()
    idle(page)
    expect(page.locator("#approve")).to_be_disabled()
    decisions.routes[0].fulfill(response=answer)
    shows(page, second)


def test_what_could_not_be_sent_is_shown_as_it_is_by_now(console: Console, tab: Watched) -> None:
    request = asked(console)
    look(tab, console, request)
    page = tab.page
    decisions = Held(page, DECISIONS)
    page.keyboard.press("a")
    decisions.are(1)
    with page.expect_response(ITEMS), console.agent() as agent:
        assert agent.post(f"/api/v1/approvals/{request['id']}/cancel", json={}).status_code == 200
    decisions.routes[0].abort("internetdisconnected")
    expect(page.locator(".review-result")).to_contain_text("Cancelled")
    tab.faults.clear()


def test_a_request_that_was_opened_as_the_first_one_stays_open(console: Console, tab: Watched) -> None:
    page, action = tab.page, f"pay_{uuid4().hex[:6]}"
    page.goto(console.page_url(f"queue/?action={action}"))
    tab.rest()
    whole, items = Held(page, QUEUE), Held(page, ITEMS)
    first = asked(console, action=action, arguments={"amount": 400})
    row(page, first).click()
    items.are(1)
    # One that is due earlier: an answer of before would open it.
    sooner = asked(console, action=action, arguments={"amount": 800}, timeout_seconds=300)
    expect(row(page, sooner)).to_be_visible()
    items.let_go(0)
    items.end()
    shows(page, first)
    page.keyboard.press("e")
    page.get_by_label("Amount").fill("900")
    for route in whole.routes:
        route.continue_()
    whole.end()
    tab.rest()
    expect(page.get_by_label("Amount")).to_have_value("900")
    shows(page, first)
