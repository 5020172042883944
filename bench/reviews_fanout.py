"""From a request to the websocket event in reviewers' browsers: `python -m bench reviews_fanout`.

Browsers are sockets in one event loop that offer what browsers offer, compression included, and note when bytes arrive.
What the bytes say is looked at later: five hundred browsers share two cores with the product, and what
they need to understand a message is not the product's delay.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from bench.live import sign_in
from bench.product import Product, product
from bench.table import Figure

ONE = 60
BROWSERS = 500
TOGETHER = 25
MANY = 20
PAUSE_SECONDS = 0.4
"""Longer than the tenth of a second within which events of a queue come together."""
LOOK_SECONDS = 0.2
"""What has arrived is looked at so late that nothing is still arriving."""
PATIENCE_SECONDS = 10.0


class Browser(asyncio.Protocol):
    """An open page: what it heard, and when."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        uri = parse_uri(address)
        self._websocket = ClientProtocol(uri, extensions=[ClientPerMessageDeflateFactory(client_max_window_bits=True)])
        self._request = self._websocket.connect()
        self._request.headers.update(headers)
        self._transport: asyncio.Transport | None = None
        self._arrived: list[tuple[float, bytes]] = []

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._websocket.send_request(self._request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._arrived.append((time.monotonic(), data))

    def say(self, message: object) -> None:
        """Sends a message."""
        self._websocket.send_text(json.dumps(message).encode())
        self._flush()

    def messages(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """What has been said since this was asked last, and when each message had arrived."""
        arrived, self._arrived = self._arrived, []
        for at, data in arrived:
            self._websocket.receive_data(data)
            for event in self._websocket.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    yield at, json.loads(bytes(event.data))
        self._flush()  # answers to pings

    async def is_open(self) -> None:
        """Returns once the server has accepted the connection."""
        while self._websocket.state is State.CONNECTING:
            await asyncio.sleep(LOOK_SECONDS)
            list(self.messages())

    async def hear(self, key: str, value: str | None = None) -> float:
        """When a message with that key, and that value if any, had arrived; those before it are passed over."""
        while True:
            for at, message in self.messages():
                if key in message and value in (None, message[key]):
                    return at
            await asyncio.sleep(LOOK_SECONDS)

    def leave(self) -> None:
        """Closes the page."""
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._websocket.data_to_send()))


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
        opened: list[Browser] = []
        while len(opened) < browsers:
            some = min(TOGETHER, browsers - len(opened))
            opened += await asyncio.gather(*(_open(running, person) for _ in range(some)))
        headers = {"Authorization": f"Bearer {running.key}"}
        sent, spread = [], []
        for number in range(events):
            await asyncio.sleep(PAUSE_SECONDS)
            for one in opened:
                list(one.messages())
            began = time.monotonic()
            asked: Any = {"action": "process_refund", "arguments": {"number": number}}
            (await person.post("/api/v1/approvals", json=asked, headers=headers)).raise_for_status()
            await asyncio.sleep(LOOK_SECONDS)
            async with asyncio.timeout(PATIENCE_SECONDS):
                times = [await one.hear("group", "queue") for one in opened]
            sent.append((max(times) - began) * 1_000)
            spread.append((max(times) - min(times)) * 1_000)
        for one in opened:
            one.leave()
    return sent, spread


async def _open(running: Product, person: httpx.AsyncClient) -> Browser:
    address = running.url.replace("http", "ws", 1) + f"/ws/p/{running.project}/"
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    headers = {"Cookie": cookies, "Origin": running.url}
    loop = asyncio.get_running_loop()
    _transport, browser = await loop.create_connection(lambda: Browser(address, headers), "127.0.0.1", running.port)
    async with asyncio.timeout(60):
        await browser.is_open()
        browser.say({"subscribe": ["queue"]})
        await browser.hear("subscribed")
    return browser


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> None:
    """Measures and prints."""
    from bench.table import show

    show(figures())


if __name__ == "__main__":
    main()
