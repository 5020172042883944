"""An agent that uses the client waits through the death of the whole server, and acts on what a person then decided."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from handrail import configure_tracing, conversation

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
        trace_something(console, tmp_path / "spans")
        console = start(console.folder, PORT=str(urlsplit(console.url).port))
        assert agent.poll() is None
        decide_in_the_browser(console, approval, amount=800.0)
        assert agent.communicate(timeout=120)[0] == "refunded 800.0 for A-1042\n"
        with console.agent() as client:
            found = client.get(f"/api/v1/approvals/{approval}").json()
        assert (found["status"], found["outcome"]["status"]) == ("approved", "succeeded")
        assert "process_refund" in handrail(console, "approvals", "show", approval)
        trace_something(console, tmp_path / "spans")
        seen = eventually(lambda: traces_of(console, "while-away"), timeout=30)
        assert [trace["name"] for trace in seen] == ["invoke_agent support", "invoke_agent support"]
    finally:
        agent.kill()
        agent.communicate()
        console.stop()


def trace_something(console: Console, spool: Path) -> None:
    """A process of an agent from its first span to its end."""
    provider = configure_tracing(
        "desk", agent_name="support", url=console.url, key=console.api_key, set_global=False, spool=str(spool)
    )
    with conversation("while-away"):
        provider.get_tracer("t").start_span("invoke_agent support").end()
    provider.shutdown()


def handrail(console: Console, *words: str) -> str:
    """What the command line prints."""
    command = [sys.executable, "-m", "handrail", "--url", console.url, "--token", console.api_key, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def traces_of(console: Console, session: str) -> list[dict[str, Any]]:
    """The two traces of the session, none before both are there."""
    lines = handrail(console, "trace", "tail", "--once", "--json", "--lines", "50").splitlines()
    found = [trace for line in lines if (trace := json.loads(line))["session_id"] == session]
    return found if len(found) == 2 else []


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
