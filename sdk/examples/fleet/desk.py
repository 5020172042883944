"""Where the agents ask for approval: at the real Handrail, or, for the past, at a pretended one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fleet.clock import Clock
from handrail import ApprovalCancelled, ApprovalExpired, ApprovalRejected, AsyncHandrail, AsyncRequestedApproval

if TYPE_CHECKING:
    from handrail.options import OutcomeStatus

Kind = Literal["approved", "answered", "rejected", "expired"]


@dataclass(frozen=True)
class Ruling:
    """What people decided. arguments: what an approved action runs with. text: the reason or the answer."""

    kind: Kind
    arguments: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""


@dataclass(frozen=True)
class Ticket:
    """A request that was made. approval_id: "" at the pretended desk."""

    approval_id: str
    url: str
    ruling: Callable[[], Awaitable[Ruling]]


class Desk(Protocol):
    """Takes requests, and hears what came of them."""

    async def ask(self, action: str, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Ticket: ...

    async def outcome(self, ticket: Ticket, status: OutcomeStatus, detail: Mapping[str, Any]) -> None: ...


class LiveDesk:
    """The real one. `say` is told, in a line each, what is asked and what comes back."""

    def __init__(self, client: AsyncHandrail, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._open: set[str] = set()
        self._asking: set[asyncio.Future[AsyncRequestedApproval]] = set()

    async def ask(self, action: str, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Ticket:
        # Shielded, so that a request on its way when the fleet is stopped is known, and taken back.
        asking = asyncio.ensure_future(self._client.request_approval(action, arguments, **options))
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        approval = await asyncio.shield(asking)
        risk = f", {approval.risk.level} risk" if approval.risk else ""
        self._say(f"asks: {options.get('summary', action)}{risk}: {approval.url}")
        return Ticket(approval.id, approval.url, lambda: self._ruling(approval.id))

    async def outcome(self, ticket: Ticket, status: OutcomeStatus, detail: Mapping[str, Any]) -> None:
        await self._client.record_outcome(ticket.approval_id, status, detail)
        self._say(f"{status}: {ticket.url}")

    async def withdraw(self, seconds: float) -> None:
        """Cancel what is still undecided, because nobody will be there to act on it; gives up after `seconds`."""

        async def cancel_all() -> None:
            await asyncio.gather(*self._asking, return_exceptions=True)
            cancels = [self._client.cancel(each, reason="The agent was stopped") for each in self._open]
            await asyncio.gather(*cancels, return_exceptions=True)

        try:
            await asyncio.wait_for(cancel_all(), seconds)
        except asyncio.TimeoutError:
            self._say(f"{len(self._open)} requests are left to expire: the server does not answer")

    def _asked(self, asking: asyncio.Future[AsyncRequestedApproval]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled() and asking.exception() is None:
            self._open.add(asking.result().id)

    async def _ruling(self, approval_id: str) -> Ruling:
        try:
            approval = await self._client.wait(approval_id)
        except ApprovalRejected as rejection:
            ruling = Ruling("rejected", text=rejection.reason)
        except (ApprovalExpired, ApprovalCancelled):
            # A request that was cancelled from outside is one that nobody will decide.
            ruling = Ruling("expired")
        else:
            if approval.answer is not None:
                ruling = Ruling("answered", text=approval.answer)
            else:
                ruling = Ruling("approved", approval.final_arguments)
        self._open.discard(approval_id)
        self._say(f"was {ruling.kind}{': ' + ruling.text if ruling.text else ''}")
        return ruling


class PastDesk:
    """The pretended one: decides at random, after a plausible while of the clock's time."""

    def __init__(self, clock: Clock, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng

    async def ask(self, action: str, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Ticket:
        async def ruling() -> Ruling:
            await self._clock.sleep(min(240.0, self._rng.lognormvariate(3.8, 0.8)))
            kinds: list[Kind] = ["approved", "rejected", "answered", "expired"]
            kind = self._rng.choices(kinds, weights=[80, 13, 3, 4])[0]
            texts = {"rejected": "Not covered by the policy", "answered": "Please contact the account manager"}
            return Ruling(kind, arguments, texts.get(kind, ""))

        return Ticket("", "", ruling)

    async def outcome(self, ticket: Ticket, status: OutcomeStatus, detail: Mapping[str, Any]) -> None:
        """The past keeps no outcomes."""
