"""The real thing: `manage.py up` in a folder of its own, a real Chromium, and agents that know an address and a key.

Nothing here touches the database behind the server's back. All tests of this package run one after the other in
one xdist worker, beside the others.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from console.lib.embedded import free_port
from tests import browser as chromium
from tests.waiting import eventually

START_SECONDS = 90
SCREENSHOTS = Path(os.environ["HANDRAIL_SCREENSHOTS"]) if os.environ.get("HANDRAIL_SCREENSHOTS") else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("e2e"))


@dataclass(frozen=True)
class Console:
    """A running Handrail and the credentials of its first run."""

    url: str
    email: str
    password: str
    project: str
    api_key: str

    def agent(self) -> httpx.Client:
        """An agent's HTTP client."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=70)

    def page_url(self, path: str = "") -> str:
        """The address of a page of the first project."""
        return f"{self.url}/p/{self.project}/{path}"


@pytest.fixture(scope="package")
def console() -> Iterator[Console]:
    folder = Path(tempfile.mkdtemp(prefix="handrail e2e "))
    hidden = {"DATABASE_URL", "VALKEY_URL", "HANDRAIL_TEST_SERVERS", "SECRET_KEY"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"PORT": str(free_port()), "HANDRAIL_DATA": str(folder), "WEB_WORKERS": "1"}
    with (folder / "up.log").open("wb") as log:
        command = [sys.executable, "manage.py", "up"]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log)
        try:
            text = (folder / "up.log").read_text
            eventually(lambda: "Handrail is ready at" in text() or process.poll() is not None, timeout=START_SECONDS)
            assert process.poll() is None, text()[-3000:]
            first_run = json.loads((folder / "first-run.json").read_text())
            names = ("url", "email", "password", "project", "api_key")
            yield Console(**{name: first_run[name] for name in names})
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


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


def open_tab(context: BrowserContext) -> Watched:
    """A new tab whose faults are collected."""
    page = context.new_page()
    tab = Watched(page, [])
    page.on("pageerror", lambda error: tab.faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda message: tab.faults.append(f"{page.url}: {message.text}") if message.type == "error" else None,
    )
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
