"""From a request to the websocket event in reviewers' browsers: `python -m bench reviews_fanout`."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from bench.live import sign_in
from bench.product import Product, product
from bench.table import Figure

ONE = 60
BROWSERS = 500
MANY = 20
PAUSE_SECONDS = 0.4
"""Longer than the tenth of a second within which events of a queue come together."""
PATIENCE_SECONDS = 10.0


@dataclass
class Browser:
    """An open page: when it last heard that the queue changed."""

    socket: ClientConnection
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    at: float = 0.0

    async def listen(self) -> None:
        """Notes events of the queue until the connection ends."""
        async for message in self.socket:
            if json.loads(message).get("group") == "queue":
                self.at = time.monotonic()
                self.heard.set()


def figures() -> Iterator[Figure]:
    """Delays to one browser, and to the last of many."""
    with product() as running:
        for browsers, events, limits in ((1, ONE, (150.0, None)), (BROWSERS, MANY, (50.0, 17.0))):
            sent, spread = asyncio.run(_watched(running, browsers, events))
            whom = "a browser" if browsers == 1 else f"the last of {browsers} browsers"
            name = f"request sent to the event in {whom}, p"
            asked = limits if browsers == 1 else (None, None)
            yield Figure(f"{name}50", _share(sent, 0.5), "ms")
            yield Figure(f"{name}95", _share(sent, 0.95), "ms", *asked)
            if browsers > 1:
                yield Figure(
                    f"one event, from the first to the last of {browsers} browsers, p95",
                    _share(spread, 0.95),
                    "ms",
                    *limits,
                )


async def _watched(running: Product, browsers: int, events: int) -> tuple[list[float], list[float]]:
    """Milliseconds from sending a request to the last browser, and from the first browser to the last."""
    async with httpx.AsyncClient(base_url=running.url, follow_redirects=True, timeout=30) as person:
        await sign_in(person, running)
        opened = [await _open(running, person) for _ in range(browsers)]
        listening = [asyncio.create_task(one.listen()) for one in opened]
        headers = {"Authorization": f"Bearer {running.key}"}
        sent, spread = [], []
        for number in range(events):
            await asyncio.sleep(PAUSE_SECONDS)
            for one in opened:
                one.heard.clear()
            began = time.monotonic()
            asked: Any = {"action": "process_refund", "arguments": {"number": number}}
            (await person.post("/api/v1/approvals", json=asked, headers=headers)).raise_for_status()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(one.heard.wait() for one in opened))
            times = [one.at for one in opened]
            sent.append((max(times) - began) * 1_000)
            spread.append((max(times) - min(times)) * 1_000)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await asyncio.gather(*(one.socket.close() for one in opened))
    return sent, spread


async def _open(running: Product, person: httpx.AsyncClient) -> Browser:
    address = running.url.replace("http", "ws", 1) + f"/ws/p/{running.project}/"
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    socket = await connect(address, additional_headers={"Cookie": cookies}, origin=Origin(running.url), open_timeout=60)
    await socket.send(json.dumps({"subscribe": ["queue"]}))
    while "subscribed" not in json.loads(await socket.recv()):
        pass
    return Browser(socket)


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> None:
    """Measures and prints."""
    from bench.table import show

    show(figures())


if __name__ == "__main__":
    main()
