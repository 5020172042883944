"""An agent that uses the client waits through the death of the whole server, and acts on what a person then decided."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.e2e.running import Console, start
from tests.waiting import eventually

AGENT = """
import sys
from handrail import Handrail, Spool, approval_required

with Handrail(sys.argv[1], sys.argv[2], spool=Spool(sys.argv[3])) as client:
    @approval_required("process_refund", client=client, agent="support")
    def refund(order: str, amount: float) -> str:
        return f"refunded {amount} for {order}"

    print(refund("A-1042", 1500.0), flush=True)
"""


def test_a_wait_outlives_kill_minus_nine_of_the_server(tmp_path: Path) -> None:
    console = start(tmp_path / "data")
    command = [sys.executable, "-c", AGENT, console.url, console.api_key, str(tmp_path / "spool")]
    agent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.sep)
    try:
        approval = str(eventually(lambda: first_request(console), timeout=60))
        console.stop(signal.SIGKILL)
        assert agent.poll() is None
        console = start(console.folder, PORT=str(urlsplit(console.url).port))
        assert agent.poll() is None
        decide_in_the_browser(console, approval, amount=800.0)
        assert agent.communicate(timeout=120)[0] == "refunded 800.0 for A-1042\n"
        with console.agent() as client:
            found = client.get(f"/api/v1/approvals/{approval}").json()
        assert (found["status"], found["outcome"]["status"]) == ("approved", "succeeded")
    finally:
        agent.kill()
        agent.communicate()
        console.stop()


def first_request(console: Console) -> str | None:
    with console.agent() as client:
        found = client.get("/api/v1/approvals").json()["results"]
    return str(found[0]["id"]) if found else None


def decide_in_the_browser(console: Console, approval: str, amount: float) -> None:
    """As the first admin, with the session of a browser."""
    with httpx.Client(base_url=console.url, timeout=60) as browser:
        browser.get("/accounts/login/")
        token = csrf(browser)
        form = {"login": console.email, "password": console.password, "csrfmiddlewaretoken": token}
        signed_in = browser.post("/accounts/login/", data=form, headers={"Referer": console.url})
        assert signed_in.status_code == 302, signed_in.text[:500]
        answer = browser.post(
            f"/api/v1/approvals/{approval}/decisions",
            json={"verdict": "edit", "arguments": {"order": "A-1042", "amount": amount}, "reason": "half"},
            headers={"X-CSRFToken": csrf(browser), "Referer": console.url},
        )
        assert answer.status_code == 200, answer.text


def csrf(browser: httpx.Client) -> str:
    return next(value for name, value in browser.cookies.items() if "csrf" in name)
