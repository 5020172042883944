"""What surrounds every page: jumping, shortcuts, themes, and a live connection that can be lost and found again."""

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.conftest import Watched
from tests.e2e.running import Console
from tests.waiting import eventually

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
# With the quarter of a second within which a page looks again.
COUNT_EVENTS = """
  Math.random = () => 0.9;
  window.heard = [];
  document.addEventListener("live:queue", () => window.heard.push("queue"), true);
"""


@pytest.fixture
def sockets(tab: Watched, console: Console) -> list[WebSocketRoute]:
    """Every websocket that the page opens, still connected to the server, so that a test can speak on it or cut it."""
    opened: list[WebSocketRoute] = []

    def keep(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        opened.append(socket)

    tab.page.route_web_socket("**/ws/**", keep)
    tab.page.add_init_script(COUNT_EVENTS)
    tab.page.goto(console.page_url())
    expect(tab.page.locator("#live-toggle")).to_have_attribute("data-state", "connected")
    # A page that has just subscribed looks again at once; what a test does comes after that.
    eventually(lambda: tab.page.evaluate("window.heard.length") == 1, timeout=10)
    tab.page.evaluate("window.heard.length = 0")
    return opened


def test_the_palette_jumps_to_pages_and_to_traces_by_id(tab: Watched, console: Console) -> None:
    page = tab.page
    page.goto(console.page_url())
    page.keyboard.press("Control+k")
    page.locator("#palette-input").fill("que")
    page.keyboard.press("Enter")
    expect(page).to_have_url(console.page_url("queue/"))
    tab.rest()
    page.keyboard.press("Control+k")
    page.locator("#palette-input").fill(TRACE.upper())
    option = page.locator("#palette [role=option]").first
    assert option.get_attribute("href") == f"/p/{console.project}/traces/{TRACE}/"
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_shortcuts_work_and_say_what_they_do_but_not_while_typing(tab: Watched, console: Console) -> None:
    page = tab.page
    page.goto(console.page_url())
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Queue")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("g q?")
    expect(page.locator("#palette-input")).to_have_value("g q?")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()

    def go_to_the_queue() -> bool:
        # The two keys belong together for a second only, which a busy machine may not make the first time.
        page.keyboard.type("gq")
        return page.url == console.page_url("queue/")

    eventually(go_to_the_queue, timeout=15)


def test_a_chosen_theme_is_there_before_the_page_is_painted(tab: Watched, console: Console) -> None:
    page = tab.page
    page.goto(console.page_url())
    page.locator(".theme-menu > summary").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    # Set as soon as there is a body: no module, nothing deferred can have run by then.
    page.add_init_script("""
      new MutationObserver((_, observer) => {
        if (!document.body) return;
        window.atFirst = document.documentElement.dataset.theme;
        observer.disconnect();
      }).observe(document, { childList: true, subtree: true });
    """)
    page.goto(console.page_url("queue/"))
    assert page.evaluate("window.atFirst") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_a_paused_page_holds_its_updates_and_catches_up(tab: Watched, sockets: list[WebSocketRoute]) -> None:
    page = tab.page
    page.locator("#live-toggle").click()
    expect(page.locator("#live-toggle")).to_contain_text("Paused")
    sockets[-1].send('{"group": "queue", "waiting": 41}')
    sockets[-1].send('{"group": "queue", "waiting": 42}')
    # Counts need no refetch, so they are shown; what they stand for waits.
    expect(page.locator("#queue-count")).to_have_text("42")
    assert page.evaluate("window.heard") == []
    page.locator("#live-toggle").click()
    eventually(lambda: page.evaluate("window.heard.length") == 1, timeout=5)


def test_a_lost_connection_is_shown_comes_back_and_refetches(tab: Watched, sockets: list[WebSocketRoute]) -> None:
    page, before = tab.page, len(sockets)
    sockets[-1].close(code=1012)
    eventually(lambda: page.evaluate("window.heard.includes('queue')"), timeout=10)
    expect(page.locator("#live-toggle")).to_have_attribute("data-state", "connected")
    assert len(sockets) == before + 1


def test_a_burst_of_events_asks_once(tab: Watched, sockets: list[WebSocketRoute]) -> None:
    page = tab.page
    for waiting in range(1, 21):
        sockets[-1].send(f'{{"group": "queue", "waiting": {waiting}}}')
    expect(page.locator("#queue-count")).to_have_text("20")
    eventually(lambda: page.evaluate("window.heard.length"), timeout=5)
    before = page.evaluate("window.heard.length")
    sockets[-1].send('{"group": "queue", "waiting": 21}')
    eventually(lambda: page.evaluate("window.heard.length") > before, timeout=5)
    assert page.evaluate("window.heard.length") <= 3


def test_a_refused_partial_never_replaces_what_is_on_the_page(tab: Watched, console: Console) -> None:
    page = tab.page
    page.goto(console.page_url("queue/"))
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('div'), { id: 'kept', innerText: 'Kept' }))"
    )
    page.evaluate("htmx.ajax('GET', '/p/nothing/here/', { target: '#kept' })")
    expect(page.locator(".toast-danger")).to_be_visible()
    assert page.locator("#kept").inner_text() == "Kept"
    # Chromium reports the 404 itself; it was asked for.
    tab.faults[:] = [fault for fault in tab.faults if "404" not in fault]
