"""How long until spans show on open dashboards: `python -m bench.live`.

Each dashboard does what the page does: it listens on the websocket, and when something has changed, and no request of
its own is under way, it fetches the overview after a little jitter. A batch has been seen by a dashboard when the
overview that it received counts the requests of the batch.
"""

import argparse
import asyncio
import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Origin

from bench import payloads
from bench.product import Product, product
from bench.table import Figure, show

DASHBOARDS = 20
BATCHES_PER_SECOND = 4
SPANS_PER_BATCH = 70  # ten traces, each with one request
JITTER_SECONDS = 0.25
PATIENCE_SECONDS = 15.0
TOTAL = re.compile(r"([\d,]+) in total")


@dataclass
class Board:
    """One open dashboard: when it had seen how many requests."""

    seen: list[tuple[float, int]] = field(default_factory=list)
    stale: asyncio.Event = field(default_factory=asyncio.Event)


def figures(*, seconds: float = 20.0) -> Iterator[Figure]:
    """Percentiles of the delay between the arrival of a batch and its sight, over all dashboards."""
    with product() as running:
        delays = sorted(asyncio.run(_watched(running, seconds)))
    for share in (0.5, 0.95):
        value = delays[min(int(share * len(delays)), len(delays) - 1)]
        limits = (2.0, 1.0) if share == 0.95 else (None, None)
        yield Figure(f"seconds until {DASHBOARDS} dashboards show a batch, p{share * 100:.0f}", value, "s", *limits)


async def _watched(running: Product, seconds: float) -> list[float]:
    count = int(seconds * BATCHES_PER_SECOND)
    async with httpx.AsyncClient(base_url=running.url, follow_redirects=True, timeout=30) as person:
        await sign_in(person, running)
        boards = [Board() for _ in range(DASHBOARDS)]
        listening = [asyncio.create_task(_listen(board, person, running)) for board in boards]
        showing = [asyncio.create_task(_show(board, person, running, _requests(count))) for board in boards]
        await asyncio.sleep(1)
        arrivals = await _send(running, count)
        await asyncio.wait(showing, timeout=PATIENCE_SECONDS)
        for task in (*listening, *showing):
            task.cancel()
        await asyncio.gather(*listening, *showing, return_exceptions=True)
    return [_delay(board, at, number) for board in boards for at, number in arrivals]


def _requests(batches: int) -> int:
    """How many requests so many batches hold: one a trace."""
    return batches * SPANS_PER_BATCH // payloads.SPANS_PER_TRACE


def _delay(board: Board, arrived: float, count: int) -> float:
    """Seconds until a board had counted so many requests; PATIENCE_SECONDS when it never did."""
    return next((at - arrived for at, seen in board.seen if seen >= count), PATIENCE_SECONDS)


async def sign_in(person: httpx.AsyncClient, running: Product) -> None:
    """Signs the product's first person in."""
    await person.get("/accounts/login/")
    form = {"login": running.email, "password": running.password}
    headers = {"X-CSRFToken": person.cookies["csrftoken"], "Referer": running.url}
    (await person.post("/accounts/login/", data=form, headers=headers)).raise_for_status()


async def _listen(board: Board, person: httpx.AsyncClient, running: Product) -> None:
    address = running.url.replace("http", "ws", 1) + f"/ws/p/{running.project}/"
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    async with connect(address, additional_headers={"Cookie": cookies}, origin=Origin(running.url)) as socket:
        await socket.send(json.dumps({"subscribe": ["metrics"]}))
        async for message in socket:
            if json.loads(message).get("group") == "metrics":
                board.stale.set()


async def _show(board: Board, person: httpx.AsyncClient, running: Product, until: int) -> None:
    while not board.seen or board.seen[-1][1] < until:
        await board.stale.wait()
        await asyncio.sleep(random.uniform(0, JITTER_SECONDS))
        board.stale.clear()
        page = await person.get(f"/p/{running.project}/?range=1h", headers={"HX-Request": "true"})
        found = TOTAL.search(page.text)
        if found:
            board.seen.append((time.perf_counter(), int(found[1].replace(",", ""))))


async def _send(running: Product, count: int) -> list[tuple[float, int]]:
    """Sends batches at an even pace; returns when each was acknowledged and how many requests there were by then."""
    bodies = list(payloads.bodies(count, batch=SPANS_PER_BATCH, end_ns=time.time_ns(), seconds=600.0, seed=20))
    arrivals: list[tuple[float, int]] = []
    headers = {"Authorization": f"Bearer {running.key}", "Content-Type": "application/x-protobuf"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers) as agent:
        started = time.perf_counter()
        for number, body in enumerate(bodies, start=1):
            await asyncio.sleep(max(started + number / BATCHES_PER_SECOND - time.perf_counter(), 0))
            (await agent.post("/v1/traces", content=body.content)).raise_for_status()
            arrivals.append((time.perf_counter(), _requests(number)))
    return arrivals


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    show(figures(seconds=parser.parse_args().seconds))


if __name__ == "__main__":
    main()
