"""What one process does, every open connection hears, and nobody hears what is not theirs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.e2e.running import Console


@pytest.fixture
def session(console: Console) -> Iterator[httpx.Client]:
    """A signed-in person without a browser."""
    with httpx.Client(base_url=console.url, follow_redirects=True) as client:
        client.get("/accounts/login/")
        form = {"login": console.email, "password": console.password}
        token = client.cookies["csrftoken"]
        answer = client.post("/accounts/login/", data=form, headers={"X-CSRFToken": token, "Referer": console.url})
        assert answer.status_code == 200
        yield client


def listen(console: Console, session: httpx.Client | None, *, project: str = "", origin: str = "") -> ClientConnection:
    cookies = "; ".join(f"{name}={value}" for name, value in session.cookies.items()) if session else ""
    address = console.url.replace("http", "ws", 1) + f"/ws/p/{project or console.project}/"
    return connect(address, additional_headers={"Cookie": cookies}, origin=Origin(origin or console.url), legacy=True)


def hear(socket: ClientConnection, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first message that is wanted; a listener may first be told to look at everything again."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=5))
        if wanted(message):
            return message


def test_a_new_request_is_heard_as_an_invalidation_without_data(console: Console, session: httpx.Client) -> None:
    with listen(console, session) as socket, console.agent() as agent:
        socket.send(json.dumps({"subscribe": ["queue", "nonsense"]}))
        answer = hear(socket, lambda message: "subscribed" in message)
        assert answer == {"subscribed": ["queue"]}
        agent.post("/api/v1/approvals", json={"action": "secret_action", "arguments": {"pin": "0000"}})
        heard = hear(socket, lambda message: message.get("group") == "queue" and not message.get("resync"))
        assert "0000" not in json.dumps(heard)


def test_strangers_are_turned_away(console: Console) -> None:
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        listen(console, None).recv(timeout=5)


def test_another_project_is_refused(console: Console, session: httpx.Client) -> None:
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        listen(console, session, project="someone-elses").recv(timeout=5)


def test_another_origin_is_refused(console: Console, session: httpx.Client) -> None:
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        listen(console, session, origin="http://evil.example").recv(timeout=5)
