"""Working the queue in a real browser: by keyboard, live, on a phone, with what an agent's schema asks for."""

from typing import Any
from uuid import uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.e2e.conftest import Watched, open_tab
from tests.e2e.running import Console

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order", "lines"],
    "properties": {
        "order": {"type": "string"},
        "amount": {"type": "number", "maximum": 5000},
        "ship": {"enum": ["air", "sea"]},
        "on": {"type": "string", "format": "date"},
        "lines": {
            "type": "array",
            "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}},
        },
    },
}


def asked(console: Console, **fields: Any) -> dict[str, Any]:
    """A request of an agent, as the API answers it; its summary is in `summary`."""
    body = {
        "action": f"act_{uuid4().hex[:6]}",
        "summary": f"Request {uuid4().hex[:8]}",
        "timeout_seconds": 900,
        **fields,
    }
    if "actions" in body:
        del body["action"]
    with console.agent() as agent:
        answer = agent.post("/api/v1/approvals", json=body)
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "summary": body["summary"]}


def now(console: Console, request: dict[str, Any]) -> dict[str, Any]:
    with console.agent() as agent:
        found: dict[str, Any] = agent.get(f"/api/v1/approvals/{request['id']}").json()
    return found


def look(tab: Watched, console: Console, request: dict[str, Any]) -> None:
    """Opens a request, which is there once nothing is under way any more."""
    tab.page.goto(console.page_url(f"queue/{request['id']}/"))
    expect(tab.page.locator("#approval")).to_have_attribute("data-approval", request["id"])
    tab.rest()


def accessible(page: Page) -> None:
    """Nothing serious for axe, and nothing to scroll sideways for."""
    found = Axe().run(page, options={"preload": False}).response["violations"]
    serious = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in {"serious", "critical"}]
    assert serious == []
    assert page.evaluate(OVERFLOW) <= 0


def test_the_form_of_a_schema_tells_errors_at_the_field_and_sends_what_was_seen(console: Console, tab: Watched) -> None:
    page = tab.page
    arguments = {"order": "A-1", "amount": 400, "lines": [{"sku": "CHAIR"}]}
    request = asked(console, arguments=arguments, arguments_schema=ORDER)
    look(tab, console, request)
    page.keyboard.press("e")
    page.get_by_label("Amount").fill("9000")
    field = page.locator(".field", has=page.get_by_label("Amount"))
    expect(field.locator(".field-errors")).to_contain_text("greater than the maximum of 5000")
    expect(page.locator("#send-edit")).to_have_count(0)
    page.get_by_label("Amount").fill("900")
    expect(field.locator(".field-errors")).to_have_count(0)
    page.locator("[id='edit-argument:/lines-add']").click()
    page.locator("[id='edit-argument:/lines/1/sku']").fill("LAMP")
    page.get_by_label("Ship").select_option("sea")
    expect(page.locator("#edit-diff")).to_contain_text("LAMP")
    expect(page.locator("#edit-diff")).to_contain_text("sea")
    accessible(page)
    page.get_by_role("button", name="Approve with changes").click()
    tab.told("Approved with changes")
    wanted = {**arguments, "amount": 900, "ship": "sea", "lines": [{"sku": "CHAIR"}, {"sku": "LAMP"}]}
    assert now(console, request)["decision"]["arguments"] == wanted


def test_a_batch_is_decided_by_keyboard_and_answered_in_order(console: Console, tab: Watched) -> None:
    page = tab.page
    asked(console)  # to go on with
    request = asked(console, actions=[{"action": f"step_{name}", "arguments": {"n": name}} for name in "abc"])
    look(tab, console, request)
    expect(page.locator(".batch-item")).to_have_count(3)
    page.keyboard.press("a")
    expect(page.locator("#batch-1")).to_have_attribute("aria-current", "true")
    tab.settled()
    page.keyboard.press("r")
    page.get_by_label("Details").fill("Not this one")
    page.locator("#reject-reason").select_option("other")
    page.locator("#send-reject").click()
    expect(page.locator("#batch-2")).to_have_attribute("aria-current", "true")
    accessible(page)
    tab.settled()
    page.keyboard.press("a")
    expect(page.locator("#approval")).not_to_have_attribute("data-approval", request["id"])
    found = now(console, request)
    assert found["status"] == "mixed"
    assert [item["status"] for item in found["items"]] == ["approved", "rejected", "approved"]


def test_a_claim_a_question_and_its_answer_show_without_a_reload(console: Console, tab: Watched) -> None:
    page = tab.page
    request = asked(console)
    look(tab, console, request)
    page.keyboard.press("c")
    expect(page.locator("#hold")).to_contain_text("You hold this")
    expect(page.locator(f"#row-{request['id']} .queue-hold")).to_contain_text("you")
    page.keyboard.press("i")
    page.get_by_label("Question to the agent").fill("Which customer is it?")
    page.locator("#send-question").click()
    expect(page.locator(".review-head")).to_contain_text("Needs information")
    with console.agent() as agent:
        answer = agent.post(f"/api/v1/approvals/{request['id']}/messages", json={"text": "Customer 77"})
        assert answer.status_code in {200, 201}, answer.text
    expect(page.locator("#approval")).to_contain_text("Customer 77")
    expect(page.locator(".review-head")).not_to_contain_text("Needs information")
    page.keyboard.press("c")
    expect(page.locator("#hold")).to_contain_text("Nobody holds this")


def test_after_the_connection_was_away_the_page_shows_what_happened_meanwhile(console: Console, tab: Watched) -> None:
    page = tab.page
    sockets: list[WebSocketRoute] = []
    away: list[bool] = []

    def connect(socket: WebSocketRoute) -> None:
        if away:
            socket.close()
        else:
            socket.connect_to_server()
            sockets.append(socket)

    page.route_web_socket("**/ws/**", connect)
    request = asked(console)
    look(tab, console, request)
    expect(page.locator("#live-toggle")).to_have_attribute("data-state", "connected")
    away.append(True)
    for socket in sockets:
        socket.close()
    expect(page.locator("#live-toggle")).to_have_attribute("data-state", "reconnecting")
    with console.agent() as agent:
        assert agent.post(f"/api/v1/approvals/{request['id']}/cancel", json={}).status_code == 200
    away.clear()
    expect(page.locator(".review-result")).to_contain_text("Cancelled")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_whole_flow_works_on_a_phone(console: Console, browser: Browser, theme: Any) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, color_scheme=theme, reduced_motion="reduce", has_touch=True
    )
    tab = open_tab(context)
    tab.sign_in(console)
    page = tab.page
    action = f"mail_{uuid4().hex[:6]}"
    request = asked(console, action=action, arguments={"to": "a@example.org"})
    asked(console, action=action, arguments={"to": "b@example.org"})
    page.goto(console.page_url(f"queue/?action={action}"))
    accessible(page)
    page.locator(f"#row-{request['id']}").click()
    expect(page.locator("#approval-title")).to_be_visible()
    page.locator("#claim").click()
    expect(page.locator("#hold")).to_contain_text("You hold this")
    accessible(page)
    page.locator("summary#reject").click()
    page.locator("#reject-reason").select_option(index=1)
    accessible(page)
    page.locator("#send-reject").click()
    tab.told("Rejected")
    asked(console, action=action, arguments={"to": "c@example.org"})
    page.goto(console.page_url(f"queue/together/?action={action}"))
    accessible(page)
    page.locator("#approve-all").click()
    tab.told("2 requests decided.")
    context.close()
    assert tab.faults == []


def test_a_decision_can_be_undone_from_the_toast_while_the_agent_has_not_been_told(
    console: Console, tab: Watched
) -> None:
    page = tab.page
    page.goto(console.page_url("settings/"))
    page.get_by_label("Time to withdraw a decision").fill("60")
    page.get_by_role("button", name="Save").first.click()
    tab.told("The settings are saved.")
    try:
        asked(console)  # to go on with
        request = asked(console)
        look(tab, console, request)
        page.keyboard.press("a")
        page.get_by_role("button", name="Undo").first.click()
        expect(page.locator(f"[data-approval='{request['id']}']")).to_be_visible()
        expect(page.locator("#approve")).to_be_visible()
        assert now(console, request)["status"] == "pending"
    finally:
        page.goto(console.page_url("settings/"))
        page.get_by_label("Time to withdraw a decision").fill("0")
        page.get_by_role("button", name="Save").first.click()
        tab.told("The settings are saved.")
