"""Bodies are counted as they come, whatever they say of themselves."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from console.lib.bodies import BodyLimit

LIMIT = 1_000


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of bytes it was given."""
    total, more = 0, True
    while more:
        message = await receive()
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(total).encode()})


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 100


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(BodyLimit(echo, limit=LIMIT)), base_url="http://test")


async def test_a_body_at_the_limit_passes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/", content=b"x" * LIMIT)).text == "1000"
    assert (await client.post("/", content=chunks(10))).text == "1000"


async def test_a_body_that_declares_too_much_is_refused_as_a_problem(client: httpx.AsyncClient) -> None:
    answer = await client.post("/", content=b"x" * (LIMIT + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_of_unsaid_length_is_refused_when_it_grows_too_large(client: httpx.AsyncClient) -> None:
    answer = await client.post("/", content=chunks(11))
    assert answer.status_code == 413
    assert answer.json()["status"] == 413
