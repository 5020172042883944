"""From the commit of a decision to the answer that the waiting agent reads: `python -m bench reviews_wait`.

Decisions are made by the product's own service in a process of its own, which notes the moment at which its
transaction has been committed, and tells others as a web process does, with an interpreter that is set up as theirs
are. Agents are bare sockets in one event loop, which is uvloop's, as it needs half of the processor time of asyncio's
own. They note when the end of an answer has arrived and do little else: five hundred of them share two cores with the
product, and what they need to understand an answer is not the product's delay.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import uvloop

from bench import load, reviews_create, reviews_people
from bench.product import Product, product
from bench.table import Figure

WAITING = 500
ROUNDS = 7
SINGLY = 250
PER_SECOND = 25.0
HOLDING = 2_000
HOLDING_SECONDS = 10.0
PATIENCE_SECONDS = 55

PENDING = "SELECT id FROM reviews_approval WHERE status = 'pending' ORDER BY id"

Committed = dict[str, float]


def figures() -> Iterator[Figure]:
    """Delays with 500 agents waiting, of 500 decided in one commit, and whether 2,000 hold."""
    with product() as running:
        reviews_people.reviewers(running, 3)
        first = _asked(running, WAITING)
        decider = Decider(running)
        delays, left = uvloop.run(_answered(running, first, [[one] for one in first[:SINGLY]], decider))
        for share, limits in ((0.5, (None, None)), (0.99, (20.0, 5.0))):
            name = f"commit to the waiting agent, {WAITING} wait, p{share * 100:.0f}"
            yield Figure(name, _share(delays, share) * 1_000, "ms", *limits)
        yield Figure("of these not answered in time", float(left), "", 0, 0)
        yield from _together(running, decider)
        decider.stop()
        broken, memory, threads = uvloop.run(_holding(running, first[SINGLY:]))
        yield Figure(f"of {HOLDING:,} that wait, cut off or answered too early", float(broken), "", 0, 0)
        yield Figure("memory (PSS) of all web workers then", memory / 2**20, "MB")
        yield Figure("threads of all web workers then", float(threads))


def _together(running: Product, decider: Decider) -> Iterator[Figure]:
    """How long the last of those waits who are decided on in one commit: the middle of some rounds, and the worst."""
    lasts, unanswered = [], 0
    for _round in range(ROUNDS):
        some = _asked(running, WAITING)
        delays, left = uvloop.run(_answered(running, some, [some], decider))
        lasts.append(max(delays) * 1_000)
        unanswered += left
    name = f"{WAITING} decided in one commit: the last is answered after"
    yield Figure(f"{name}, median of {len(lasts)} rounds", median(lasts), "ms", 100)
    yield Figure(f"{name}, worst of {len(lasts)} rounds", max(lasts), "ms")
    yield Figure("of these not answered in time", float(unanswered), "", 0, 0)


async def _answered(
    running: Product, ids: Sequence[str], groups: Sequence[Sequence[str]], decider: Decider
) -> tuple[list[float], int]:
    """Seconds from commit to answer, and how many were not answered."""
    agents = await _waiters(running, ids)
    committed = await asyncio.to_thread(decider.decide, groups)
    wanted = {agent.decided for agent in agents if agent.approval_id in committed}
    await asyncio.wait(wanted, timeout=PATIENCE_SECONDS)
    await _gone(agents)
    seen = {agent.approval_id: agent.decided.result() for agent in agents if agent.decided.done()}
    return [seen[one] - at for one, at in committed.items() if one in seen], len(committed.keys() - seen.keys())


async def _holding(running: Product, ids: Sequence[str]) -> tuple[int, int, int]:
    agents = await _waiters(running, (list(ids) * (HOLDING // len(ids) + 1))[:HOLDING])
    await asyncio.sleep(HOLDING_SECONDS)
    broken = sum(agent.answers > 0 or agent.lost for agent in agents)
    workers = running.web_workers()
    memory = sum(one.memory_full_info().pss for one in workers)
    threads = sum(one.num_threads() for one in workers)
    await _gone(agents)
    return broken, memory, threads


async def _waiters(running: Product, ids: Sequence[str]) -> list[Agent]:
    """One waiting agent for each id, all of them registered by the time this returns."""
    loop = asyncio.get_running_loop()
    agents = [Agent(running, one) for one in ids]
    await asyncio.gather(*(loop.create_connection(lambda one=one: one, "127.0.0.1", running.port) for one in agents))  # type: ignore[misc]
    await asyncio.sleep(2 + len(ids) / 250)
    return agents


class Agent(asyncio.Protocol):
    """Asks until the request is decided, as an SDK does."""

    def __init__(self, running: Product, approval_id: str) -> None:
        self.approval_id = approval_id
        self.decided: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.answers = 0
        self.lost = False
        path = f"/api/v1/approvals/{approval_id}?wait={PATIENCE_SECONDS}"
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{running.port}\r\nAuthorization: Bearer {running.key}\r\n\r\n"
        self._question = head.encode()
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        self._received += data
        if not _is_whole(self._received):
            return
        self.answers += 1
        received, self._received = self._received, b""
        if b'"status":"approved"' in received:
            if not self.decided.done():
                self.decided.set_result(at)
        elif self._transport is not None:
            self._transport.write(self._question)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True

    def leave(self) -> None:
        """Hangs up."""
        if self._transport is not None:
            self._transport.close()


LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _is_whole(received: bytes) -> bool:
    """Whether an answer has arrived to its end."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    return bool(end) and length is not None and len(body) >= int(length[1])


async def _gone(agents: Sequence[Agent]) -> None:
    for agent in agents:
        agent.leave()
    await asyncio.sleep(1)


def _asked(running: Product, count: int) -> list[str]:
    """The ids of new requests, of which all is told that there is to tell."""
    before = {row[0] for row in running.query(PENDING)}
    load.run(running, list(reviews_create.bodies(running, count)), seconds=300, connections=32)
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while running.query("SELECT FROM agents_outboxevent WHERE routed_at IS NULL LIMIT 1"):
        if time.monotonic() > give_up_at:
            raise SystemExit("the outbox is not emptied")
        time.sleep(0.1)
    return [str(row[0]) for row in running.query(PENDING) if row[0] not in before]


class Decider:
    """Another process that approves requests."""

    def __init__(self, running: Product) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(running.environment, theirs))
        self._process.start()
        self._pipe.recv()

    def decide(self, groups: Sequence[Sequence[str]]) -> Committed:
        """Approves the requests of each group in one transaction; when each was committed."""
        self._pipe.send([list(group) for group in groups])
        committed: Committed = self._pipe.recv()
        return committed

    def stop(self) -> None:
        """Ends the process."""
        self._pipe.send(None)
        self._process.join()


def _serve(environment: dict[str, str], pipe: Connection) -> None:
    os.environ.update(environment, DJANGO_SETTINGS_MODULE="console.settings")
    import django

    django.setup()
    from agents.authentication import Caller
    from agents.models import User
    from console.lib import gathering, serving
    from reviews.services import decisions  # noqa: F401  # what decides is imported before the interpreter settles

    gathering.start()
    serving.settle()
    person = Caller(user=User.objects.get(email="reviewer1@example.org"))
    pipe.send("ready")
    while groups := pipe.recv():
        committed: Committed = {}
        for group in groups:
            began = time.monotonic()
            _approve(group, person, committed)
            time.sleep(max(began + 1 / PER_SECOND - time.monotonic(), 0))
        pipe.send(committed)


def _approve(group: list[str], person: Any, committed: Committed) -> None:
    from django.db import transaction

    from console.lib import clock
    from reviews import states
    from reviews.models import Approval
    from reviews.services.decisions import Ruling, decide

    rows = [Approval.objects.with_parts().get(pk=one) for one in group]
    with transaction.atomic():
        # The first to be called: before anybody else is told.
        transaction.on_commit(lambda: committed.update(dict.fromkeys(group, time.monotonic())))
        for row in rows:
            decide(approval=row, by=person, ruling=Ruling(verdict=states.Verdict.APPROVE), now=clock.now())


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def main() -> None:
    """Measures and prints."""
    from bench.table import show

    show(figures())


if __name__ == "__main__":
    main()
