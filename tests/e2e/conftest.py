"""The real thing: `manage.py up` in a folder of its own, a real Chromium, and agents that know an address and a key.

Nothing here touches the database behind the server's back. All tests of this package run one after the other in
one xdist worker (tests.scheduling), beside the others.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import httpx
import pytest
from playwright._impl._api_structures import SetCookieParam
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebSocket,
    expect,
    sync_playwright,
)

from tests import browser as chromium
from tests.e2e.running import Console, start

REST_SECONDS = 30.0
# A busy machine takes its time; what is there is found at once.
expect.set_options(timeout=20_000)
# A page looks again at what it shows once it listens, at some moment within a quarter of a second: here at once, so
# that a page at rest stays so.
NO_JITTER = "Math.random = (random => () => random() / 1000)(Math.random)"
# Everything that was to be done has been done, and drawn.
IDLE = """() => new Promise((done) => {
  requestIdleCallback(() => requestAnimationFrame(() => setTimeout(done, 0, true)), {timeout: 1000});
})"""


@pytest.fixture(scope="package")
def console() -> Iterator[Console]:
    folder = Path(tempfile.mkdtemp(prefix="handrail e2e "))
    folder.chmod(0o711)
    running = start(folder / "data")
    yield running
    running.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium.executable(), args=chromium.FLAGS)
        yield running
        running.close()


@cache
def cookies_of_admin(console: Console) -> list[SetCookieParam]:
    """A session of the first admin: to check a password takes half a second of a processor."""
    with httpx.Client(base_url=console.url, timeout=30) as client:
        client.get("/accounts/login/")
        known = {"login": console.email, "password": console.password}
        headers = {"X-CSRFToken": client.cookies["csrftoken"], "Referer": console.url}
        answer = client.post("/accounts/login/", data=known, headers=headers)
        assert answer.status_code == 302, answer.text[:500]
        # What the next page is to say is said in each tab else, for as long as the first test of a module takes.
        kept = {name: value for name, value in client.cookies.items() if name != "messages"}
        return [{"name": name, "value": value, "url": console.url} for name, value in kept.items()]


def idle(page: Page) -> None:
    """Waits until a page has nothing to do; fails where that never comes, for which `evaluate` would wait for ever."""
    page.wait_for_function(IDLE)


@dataclass
class Watched:
    """A browser tab, and everything that went wrong in it: script errors, console errors, policy reports."""

    page: Page
    faults: list[str]
    asked: int = 0
    unanswered: set[Request] = field(default_factory=set)
    listening: bool = False

    def enter(self, console: Console) -> None:
        """Is the first admin from now on, whose password was asked for once."""
        self.page.context.add_cookies(cookies_of_admin(console))

    def open(self, url: str) -> int:
        """Begins to open a page; the status code."""
        self.listening = False
        answer = self.page.goto(url, wait_until="commit")
        assert answer
        return answer.status

    def rest(self) -> None:
        """Returns when the page is complete, listens for news, has all that it asked for and asks for nothing more."""
        self.page.wait_for_load_state("load")
        deadline = time.monotonic() + REST_SECONDS
        listens, quiet = self.page.evaluate("Boolean(document.body.dataset.liveUrl)"), 0
        while quiet < 2:
            assert time.monotonic() < deadline, f"{self.page.url} waits for {[one.url for one in self.unanswered]}"
            asked = self.asked
            idle(self.page)
            at_rest = asked == self.asked and not self.unanswered and (self.listening or not listens)
            quiet = quiet + 1 if at_rest else 0

    def told(self, text: str) -> None:
        """Waits until a short message says this, whatever others there are."""
        expect(self.page.locator(".toast-text", has_text=text).last).to_be_visible()

    def settled(self) -> None:
        """Waits until keys count again: right after a decision they are meant for what is gone."""
        expect(self.page.locator("#item[data-settling]")).to_have_count(0)

    def note_request(self, request: Request) -> None:
        self.asked += 1
        self.unanswered.add(request)

    def note_answer(self, request: Request) -> None:
        self.unanswered.discard(request)

    def note_socket(self, socket: WebSocket) -> None:
        self.listening = False
        socket.on("framereceived", self._note_frame)

    def _note_frame(self, frame: str | bytes) -> None:
        if "subscribed" in json.loads(frame):
            self.listening = True

    def sign_in(self, console: Console) -> None:
        """Signs in as the first admin, who then sees the overview."""
        self.page.goto(f"{console.url}/accounts/login/")
        self.page.fill("input[name=login]", console.email)
        self.page.fill("input[name=password]", console.password)
        self.page.click("button[type=submit]:visible")
        self.page.wait_for_url(f"{console.url}/p/**")


def note_fault(tab: Watched, message: ConsoleMessage) -> None:
    """Keeps console errors, policy reports among them. htmx also reports a request that a newer one replaced."""
    if message.type == "error" and "AbortError" not in message.text:
        tab.faults.append(f"{tab.page.url}: {message.text}")


def open_tab(context: BrowserContext) -> Watched:
    """A new tab whose faults are collected."""
    page = context.new_page()
    page.add_init_script(NO_JITTER)
    tab = Watched(page, [])
    page.on("pageerror", lambda error: tab.faults.append(f"{page.url}: {error}"))
    page.on("console", lambda message: note_fault(tab, message))
    page.on("request", tab.note_request)
    page.on("requestfinished", tab.note_answer)
    page.on("requestfailed", tab.note_answer)
    page.on("websocket", tab.note_socket)
    return tab


@pytest.fixture
def tab(browser: Browser, console: Console) -> Iterator[Watched]:
    """A signed-in tab; the test fails when anything went wrong in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    opened = open_tab(context)
    opened.enter(console)
    yield opened
    context.close()
    assert opened.faults == []
