"""The real thing: `manage.py up` in a folder of its own, a real Chromium, and agents that know an address and a key.

Nothing here touches the database behind the server's back. All tests of this package run one after the other in
one xdist worker (tests.scheduling), beside the others.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests import browser as chromium
from tests.e2e.running import Console, start


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


@dataclass
class Watched:
    """A browser tab, and everything that went wrong in it: script errors, console errors, policy reports."""

    page: Page
    faults: list[str]

    def sign_in(self, console: Console) -> None:
        """Signs in as the first admin."""
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
    tab = Watched(page, [])
    page.on("pageerror", lambda error: tab.faults.append(f"{page.url}: {error}"))
    page.on("console", lambda message: note_fault(tab, message))
    return tab


@pytest.fixture
def tab(browser: Browser, console: Console) -> Iterator[Watched]:
    """A signed-in tab; the test fails when anything went wrong in it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    opened = open_tab(context)
    opened.sign_in(console)
    yield opened
    context.close()
    assert opened.faults == []
