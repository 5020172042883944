"""The sample fleet at work: what a newcomer sees after `make demo`.

With HANDRAIL_SCREENSHOTS=<folder> the README's pictures are taken here (`make screenshots`).
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Watched
from tests.e2e.running import Console, start
from tests.waiting import eventually

FLEET = Path(settings.BASE_DIR) / "sdk" / "examples" / "fleet"
SCREENSHOTS = os.environ.get("HANDRAIL_SCREENSHOTS")


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of its own, with the fleet working on it and a past of six hours."""
    running = start(tmp_path_factory.mktemp("demo") / "data")
    known = {"HANDRAIL_URL": running.url, "HANDRAIL_API_KEY": running.api_key}
    command = [sys.executable, str(FLEET), "--backfill", "6", "--speed", "10"]
    fleet = subprocess.Popen(command, env={**os.environ, **known}, stdout=subprocess.DEVNULL)
    yield running
    fleet.send_signal(signal.SIGINT)
    assert fleet.wait(30) == 0
    running.stop()


def picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")


def test_the_fleet_fills_the_console_and_acts_on_what_a_reviewer_decides(console: Console, tab: Watched) -> None:
    page = tab.page
    with console.agent() as agent:
        # A job of each agent waits for a person.
        waiting = eventually(lambda: agent.get("/api/v1/approvals?status=pending").json()["results"][2:], timeout=60)
        assert waiting
        page.goto(console.page_url(""))
        expect(page.locator("#tile-waiting")).to_contain_text("oldest")
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        picture(page, "overview")
        page.goto(console.page_url("queue/"))
        picture(page, "queue")
        chosen = page.url if "/queue/" in page.url else ""
        assert chosen
        traced = next(one for one in agent.get("/api/v1/approvals").json()["results"] if one["trace_id"])
        page.goto(console.page_url(f"traces/{traced['trace_id']}/"))
        expect(page.locator("[role=treegrid]")).to_be_visible()
        picture(page, "trace")
        page.goto(traced["url"])
        page.keyboard.press("a")

        def outcome() -> object:
            return agent.get(f"/api/v1/approvals/{traced['id']}").json()["outcome"]

        # The agent did what was approved, and said so.
        assert eventually(outcome, timeout=60)
