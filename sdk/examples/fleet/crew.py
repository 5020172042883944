"""Keeps the agents at work: live for as long as one likes, once, or through some hours of the past."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

from fleet import cleanup, incidents, support
from fleet.clock import NANOS, Clock, LiveClock, PastClock, traffic
from fleet.desk import Desk, LiveDesk, PastDesk
from fleet.session import AgentFailed, Card, Session
from handrail import AsyncHandrail, HandrailError, configure_tracing

Script = Callable[[Session], Awaitable[None]]
ENVIRONMENT = "demo"
MOST_WAITING = 3  # Requests of one agent that may be undecided at once, so that the queue stays readable.
MOST_AT_WORK = 6
GAP_SECONDS = 14.0  # Between two jobs of an agent at the busiest hour.
SLOT_SECONDS = 120  # In the past, one job of each agent per slot at most.
LONGEST_BACKFILL_HOURS = 48.0


@dataclass(frozen=True)
class Role:
    """An agent of the fleet. gated: its work that needs approval; routine: the rest of it."""

    card: Card
    gated: Script
    routine: Script
    user: Callable[[random.Random], str]


ROLES = (
    Role(support.CARD, support.refund, support.question, support.user),
    Role(incidents.CARD, incidents.incident, incidents.patrol, incidents.user),
    Role(cleanup.CARD, cleanup.purge, cleanup.survey, cleanup.user),
)


@dataclass(frozen=True)
class Address:
    """Where Handrail is."""

    url: str
    key: str = field(repr=False)


class Agent:
    """One role, live."""

    def __init__(self, role: Role, address: Address, clock: Clock, rng: random.Random) -> None:
        self._role = role
        self._clock = clock
        self._rng = rng
        card = role.card
        self._client = AsyncHandrail(address.url, address.key, agent={"name": card.name, "version": card.version})
        self._desk = LiveDesk(self._client, self.say)
        self._provider = provider_for(card, address)
        self._waiting = 0
        self._jobs: set[asyncio.Task[None]] = set()

    def say(self, line: str) -> None:
        print(f"{self._role.card.name:15} {line}", flush=True)

    async def work(self) -> None:
        """Take on one job after the other until cancelled; never more undecided requests than MOST_WAITING."""
        while True:
            if len(self._jobs) < MOST_AT_WORK + MOST_WAITING:
                # The first job asks for something, so that the queue has an entry from the beginning.
                gated = self._waiting == 0 or (self._waiting < MOST_WAITING and self._rng.random() < 0.4)
                job = asyncio.create_task(self.job(gated=gated))
                self._jobs.add(job)
                job.add_done_callback(self._jobs.discard)
            busy = traffic(self._clock.now_ns())
            await self._clock.sleep(self._rng.expovariate(busy / GAP_SECONDS))

    async def job(self, *, gated: bool) -> None:
        """One session from its beginning to its end. A failure ends this job only."""
        self._waiting += gated
        session = open_session(self._role, self._provider, self._clock, self._desk, self._rng)
        try:
            await (self._role.gated if gated else self._role.routine)(session)
        except (AgentFailed, HandrailError) as failure:
            self.say(f"gave up: {failure}")
        except Exception:
            logging.getLogger("fleet").exception("%s broke off", self._role.card.name)
        finally:
            self._waiting -= gated

    async def stop(self) -> None:
        """End all jobs, take back what is undecided, and send the last spans, within a few seconds."""
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self._desk.withdraw(1.5)
        await self._client.close()

    def shut_down_tracing(self) -> threading.Thread:
        """Send the last spans in a thread that nobody has to wait for: the server may have gone first."""
        thread = threading.Thread(target=self._provider.shutdown, daemon=True)
        thread.start()
        return thread


def provider_for(card: Card, address: Address, ids: IdGenerator | None = None) -> TracerProvider:
    """A provider of the agent's own, because the fleet's agents share one process."""
    return configure_tracing(
        card.service,
        agent_name=card.name,
        agent_version=card.version,
        environment=ENVIRONMENT,
        url=address.url,
        key=address.key,
        set_global=False,
        id_generator=ids,
    )


def open_session(role: Role, provider: TracerProvider, clock: Clock, desk: Desk, rng: random.Random) -> Session:
    """A new session. It gets a generator of its own, so that jobs side by side do not change each other's course."""
    own = random.Random(rng.getrandbits(64))
    # The time in the id keeps sessions apart when the fleet is started again with the same seed.
    number = clock.now_ns() // 1_000_000
    return Session(
        card=role.card,
        tracer=provider.get_tracer("fleet"),
        clock=clock,
        desk=desk,
        rng=own,
        id=f"{role.card.name.partition('-')[0]}-{number:x}{own.getrandbits(16):04x}",
        user=role.user(own),
    )


async def run_live(address: Address, *, seed: int, speed: float, backfill_hours: float, stop: asyncio.Event) -> None:
    """The fleet at work until `stop` is set; the past is filled in meanwhile."""
    agents = _hire(address, seed, speed)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(agent.work()) for agent in agents]
    if backfill_hours:
        tasks.append(asyncio.create_task(backfill(address, hours=backfill_hours, seed=seed, now_ns=time.time_ns())))
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _dismiss(agents)


async def run_once(address: Address, *, seed: int, speed: float, stop: asyncio.Event) -> None:
    """One job with an approval per agent, each to its end, or until `stop` is set."""
    agents = _hire(address, seed, speed)
    jobs = [asyncio.create_task(agent.job(gated=True)) for agent in agents]
    stopping = asyncio.create_task(stop.wait())
    everything = asyncio.create_task(asyncio.wait(jobs))
    tasks: list[asyncio.Task[Any]] = [everything, stopping]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    tasks += jobs
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _dismiss(agents)


def _hire(address: Address, seed: int, speed: float) -> list[Agent]:
    return [Agent(role, address, LiveClock(speed), random.Random(f"{seed}:{role.card.name}")) for role in ROLES]


async def _dismiss(agents: Iterable[Agent]) -> None:
    agents = list(agents)
    await asyncio.gather(*(agent.stop() for agent in agents))
    deadline = time.monotonic() + 2.0
    for thread in [agent.shut_down_tracing() for agent in agents]:
        await asyncio.to_thread(thread.join, max(0.0, deadline - time.monotonic()))


class SlotIds(IdGenerator):
    """Ids that depend on the slot of time alone, so that filling the same past twice adds nothing."""

    def __init__(self) -> None:
        self.rng = random.Random(0)

    def generate_span_id(self) -> int:
        return self.rng.getrandbits(64) | 1

    def generate_trace_id(self) -> int:
        return self.rng.getrandbits(128) | 1


async def backfill(address: Address, *, hours: float, seed: int, now_ns: int) -> int:
    """Send the traces of the last `hours`, as if the agents had worked all along; returns how many jobs that were."""
    slot_ns = SLOT_SECONDS * NANOS
    first = int((now_ns - min(hours, LONGEST_BACKFILL_HOURS) * 3600 * NANOS) // slot_ns)
    done = 0
    for role in ROLES:
        ids = SlotIds()
        provider = provider_for(role.card, address, ids)
        try:
            for slot in range(first, int(now_ns // slot_ns)):
                done += await _past_job(role, provider, ids, f"{seed}:{role.card.name}:{slot}", slot * slot_ns, now_ns)
                if slot % 10 == 0:
                    # Before the exporter's queue of some two thousand spans is full and drops them.
                    await asyncio.to_thread(provider.force_flush)
        finally:
            await asyncio.to_thread(provider.shutdown)
    return done


async def _past_job(role: Role, provider: TracerProvider, ids: SlotIds, seed: str, slot_ns: int, now_ns: int) -> bool:
    """Do the slot's job; returns whether it had one. What might not be over yet is left out."""
    rng = ids.rng = random.Random(seed)
    start_ns = slot_ns + int(rng.random() * SLOT_SECONDS * NANOS)
    gated = rng.random() < 0.45
    needs_seconds = 600 if gated else 90
    if rng.random() > traffic(start_ns) or start_ns > now_ns - needs_seconds * NANOS:
        return False
    clock = PastClock(start_ns)
    session = open_session(role, provider, clock, PastDesk(clock, rng), rng)
    try:
        await (role.gated if gated else role.routine)(session)
    except AgentFailed:
        return True  # The trace tells the story.
    return True
