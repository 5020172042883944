"""The two clients: one blocks, one awaits; everything else they share (`wire`, `flows`, `transport`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

from handrail import flows, wire
from handrail.approvals import Approval, approval_fields, parse_approval
from handrail.errors import Unreachable
from handrail.examples import FeedbackExample
from handrail.fallback import Fallback, OnUnreachable
from handrail.options import Action, AgentName, Asking, Defaults, OutcomeStatus, RequestOptions, Verdict, batch, single
from handrail.receipts import arguments_hash
from handrail.retry import RetryPolicy
from handrail.spool import Courier, Spool
from handrail.transport import Awaiting, Blocking
from handrail.wire import Request

if TYPE_CHECKING:
    # Only for type checkers: at run time the package needs nothing but httpx.
    from typing_extensions import Self, Unpack


@dataclass(frozen=True, slots=True)
class RequestedApproval(Approval):
    """An approval together with the client that asked for it."""

    client: Handrail = field(kw_only=True, repr=False, compare=False)
    fallback: Fallback = field(kw_only=True, repr=False, compare=False)

    def wait(self, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return self.client.wait(self, timeout=timeout)

    def cancel(self, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return self.client.cancel(self.id, reason=reason)


@dataclass(frozen=True, slots=True)
class AsyncRequestedApproval(Approval):
    """An approval together with the asynchronous client that asked for it."""

    client: AsyncHandrail = field(kw_only=True, repr=False, compare=False)
    fallback: Fallback = field(kw_only=True, repr=False, compare=False)

    async def wait(self, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return await self.client.wait(self, timeout=timeout)

    async def cancel(self, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return await self.client.cancel(self.id, reason=reason)


class Handrail:
    """Asks people for approval, and blocks while they think. Safe to share between threads.

    url, key: default to the environment's HANDRAIL_URL and HANDRAIL_API_KEY.
    agent: who asks, for requests that do not say.
    retry: how patient to be while the server is away. Every call raises Unreachable when that is used up.
    on_unreachable: how requests and waits end then: "raise"; "reject", as if a person had said no;
        "approve-if-low-risk", see `Fallback`.
    spool: where outcomes are kept while the server is away; without one, recording them raises.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        agent: AgentName | None = None,
        retry: RetryPolicy | None = None,
        on_unreachable: OnUnreachable = "raise",
        spool: Spool | None = None,
    ) -> None:
        server = wire.locate(url, key)
        self._defaults = Defaults(agent, on_unreachable)
        self._fallback = Fallback(on_unreachable)
        self._retry = retry or RetryPolicy()
        self._transport = Blocking(server)
        self._courier = Courier(server, spool, self._retry) if spool is not None else None

    def request_approval(
        self, action: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[RequestOptions]
    ) -> RequestedApproval:
        """Ask whether `action` may run with `arguments` (JSON values); returns at once, usually pending."""
        return self._ask(self._defaults.asking(single(action, arguments), options))

    def request_batch(self, actions: Sequence[Action], **options: Unpack[RequestOptions]) -> RequestedApproval:
        """Ask for several actions at once, each of which is decided on its own: see `Approval.items`."""
        return self._ask(self._defaults.asking(batch(actions), options))

    def wait(self, approval: str | Approval, *, timeout: float | None = None) -> Approval:
        """Block until the approval (or the one with this id) is decided, through restarts of the server; returns it.

        What returns is approved (run the action with `final_arguments`), answered (use `answer` instead) or, for a
        batch, mixed (look at `items`). Raises ApprovalRejected, ApprovalExpired or ApprovalCancelled; WaitTimeout
        after `timeout` seconds (None: no limit but the request's own deadline); Unreachable when the server stays away.
        """
        return self._transport.run(
            flows.settle(_known(approval), timeout, _fallback_of(approval, self._fallback), self._retry)
        )

    def get(self, approval_id: str) -> Approval:
        """Read an approval as it is now; raises for no status."""
        return parse_approval(self._call(wire.read(approval_id)))

    def approvals(self, **filters: str) -> Iterator[Approval]:
        """Yield requests, newest first, page after page. filters: of GET /api/v1/approvals, such as status, agent."""
        flow = flows.entries(wire.listing("/api/v1/approvals", filters), self._retry)
        return (parse_approval(each) for each in self._transport.stream(flow))

    def decide(
        self,
        approval_id: str,
        verdict: Verdict,
        *,
        arguments: Mapping[str, Any] | None = None,
        reason: str | None = None,
        message: str | None = None,
        labels: Sequence[str] | None = None,
        item: int | None = None,
    ) -> Approval:
        """Decide, as the person whose token the client has. Raises HandrailError (409) when somebody was first."""
        ruling = {"verdict": verdict, "arguments": arguments, "reason": reason, "message": message, "item": item}
        return parse_approval(self._call(wire.decide(approval_id, {**ruling, "labels": labels})))

    def cancel(self, approval_id: str, *, reason: str = "") -> Approval:
        """Withdraw a request that is no longer needed. Raises HandrailError (status 409) when it was decided."""
        return parse_approval(self._call(wire.cancel(approval_id, reason)))

    def consume(
        self, approval: str | Approval, arguments: Mapping[str, Any], *, item: int = 0, receipt: str = ""
    ) -> Approval:
        """Use the receipt up, right before the action runs with `arguments`: it is good for one run of exactly these.

        approval: it, or its id. item: which action of a batch. receipt: checked too when given.
        Raises ReceiptRefused: then nothing may run.
        """
        if isinstance(approval, Approval) and approval.decided_here:
            return approval
        request = wire.consume(_id_of(approval), arguments_hash(arguments), item, receipt)
        return self._transport.run(flows.consume(request, self._retry))

    def receipt_keys(self) -> Mapping[str, Any]:
        """The public keys (JWK Set) with which `verify_receipt` checks receipts."""
        return dict(self._call(wire.receipt_keys()))

    def record_outcome(
        self, approval: str | Approval, status: OutcomeStatus, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Say what happened after the decision; it becomes part of the labelled example.

        With a spool it is kept there while the server is away, and sent later.
        """
        if isinstance(approval, Approval) and approval.decided_here:
            return
        request = wire.outcome(_id_of(approval), status, detail)
        try:
            self._call(request)
        except Unreachable:
            if self._courier is None:
                raise
            self._courier.keep(request)

    def feedback(self, *, cursor: str = "", follow: bool = False, **filters: str) -> Iterator[FeedbackExample]:
        """Yield decided requests as labelled examples, oldest first, resuming by itself when the connection breaks.

        cursor: go on after the example that carried it. follow: never end, and yield new ones as they come.
        filters: query parameters of GET /api/v1/feedback, for instance label="amount" or include="scores,undecided".
        """
        return self._transport.stream(flows.feedback(filters, cursor, self._retry, follow=follow))

    def check_budget(self, **filters: str) -> Mapping[str, Any]:
        """What is left of the budgets that apply, before spending more. filters: agent, model.

        The answer as the server gives it: `allowed`, and the figures of the tightest budget. Raises HandrailError;
        status 404 from a server that keeps no budgets.
        """
        return dict(self._call(wire.budget_check(filters)))

    def read(self, path: str, **query: str) -> Any:
        """The JSON of any address below the server, for instance "/api/v1/traces". Raises HandrailError."""
        return self._call(wire.listing(path, query))

    def close(self) -> None:
        """Close the connections. What is spooled stays on disk for the next client."""
        self._transport.close()
        if self._courier is not None:
            self._courier.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, asking: Asking) -> RequestedApproval:
        answer = self._transport.run(flows.ask(asking, self._retry))
        return RequestedApproval(**approval_fields(answer), client=self, fallback=asking.fallback)

    def _call(self, request: Request) -> Any:
        return self._transport.run(flows.call(request, self._retry))


class AsyncHandrail:
    """Handrail for asyncio: the same calls, awaited. One client carries any number of waits at once."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        agent: AgentName | None = None,
        retry: RetryPolicy | None = None,
        on_unreachable: OnUnreachable = "raise",
        spool: Spool | None = None,
    ) -> None:
        server = wire.locate(url, key)
        self._defaults = Defaults(agent, on_unreachable)
        self._fallback = Fallback(on_unreachable)
        self._retry = retry or RetryPolicy()
        self._transport = Awaiting(server)
        self._courier = Courier(server, spool, self._retry) if spool is not None else None

    async def request_approval(
        self, action: str, arguments: Mapping[str, Any] | None = None, **options: Unpack[RequestOptions]
    ) -> AsyncRequestedApproval:
        """See `Handrail.request_approval`."""
        return await self._ask(self._defaults.asking(single(action, arguments), options))

    async def request_batch(
        self, actions: Sequence[Action], **options: Unpack[RequestOptions]
    ) -> AsyncRequestedApproval:
        """See `Handrail.request_batch`."""
        return await self._ask(self._defaults.asking(batch(actions), options))

    async def wait(self, approval: str | Approval, *, timeout: float | None = None) -> Approval:
        """See `Handrail.wait`."""
        return await self._transport.run(
            flows.settle(_known(approval), timeout, _fallback_of(approval, self._fallback), self._retry)
        )

    async def get(self, approval_id: str) -> Approval:
        """See `Handrail.get`."""
        return parse_approval(await self._call(wire.read(approval_id)))

    async def approvals(self, **filters: str) -> AsyncIterator[Approval]:
        """See `Handrail.approvals`."""
        flow = flows.entries(wire.listing("/api/v1/approvals", filters), self._retry)
        async for each in self._transport.stream(flow):
            yield parse_approval(each)

    async def decide(
        self,
        approval_id: str,
        verdict: Verdict,
        *,
        arguments: Mapping[str, Any] | None = None,
        reason: str | None = None,
        message: str | None = None,
        labels: Sequence[str] | None = None,
        item: int | None = None,
    ) -> Approval:
        """See `Handrail.decide`."""
        ruling = {"verdict": verdict, "arguments": arguments, "reason": reason, "message": message, "item": item}
        return parse_approval(await self._call(wire.decide(approval_id, {**ruling, "labels": labels})))

    async def cancel(self, approval_id: str, *, reason: str = "") -> Approval:
        """See `Handrail.cancel`."""
        return parse_approval(await self._call(wire.cancel(approval_id, reason)))

    async def consume(
        self, approval: str | Approval, arguments: Mapping[str, Any], *, item: int = 0, receipt: str = ""
    ) -> Approval:
        """See `Handrail.consume`."""
        if isinstance(approval, Approval) and approval.decided_here:
            return approval
        request = wire.consume(_id_of(approval), arguments_hash(arguments), item, receipt)
        return await self._transport.run(flows.consume(request, self._retry))

    async def receipt_keys(self) -> Mapping[str, Any]:
        """See `Handrail.receipt_keys`."""
        return dict(await self._call(wire.receipt_keys()))

    async def record_outcome(
        self, approval: str | Approval, status: OutcomeStatus, detail: Mapping[str, Any] | None = None
    ) -> None:
        """See `Handrail.record_outcome`."""
        if isinstance(approval, Approval) and approval.decided_here:
            return
        request = wire.outcome(_id_of(approval), status, detail)
        try:
            await self._call(request)
        except Unreachable:
            if self._courier is None:
                raise
            await asyncio.to_thread(self._courier.keep, request)

    async def feedback(
        self, *, cursor: str = "", follow: bool = False, **filters: str
    ) -> AsyncIterator[FeedbackExample]:
        """See `Handrail.feedback`."""
        async for example in self._transport.stream(flows.feedback(filters, cursor, self._retry, follow=follow)):
            yield example

    async def check_budget(self, **filters: str) -> Mapping[str, Any]:
        """See `Handrail.check_budget`."""
        return dict(await self._call(wire.budget_check(filters)))

    async def read(self, path: str, **query: str) -> Any:
        """See `Handrail.read`."""
        return await self._call(wire.listing(path, query))

    async def close(self) -> None:
        """See `Handrail.close`."""
        await self._transport.close()
        if self._courier is not None:
            await asyncio.to_thread(self._courier.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _ask(self, asking: Asking) -> AsyncRequestedApproval:
        answer = await self._transport.run(flows.ask(asking, self._retry))
        return AsyncRequestedApproval(**approval_fields(answer), client=self, fallback=asking.fallback)

    async def _call(self, request: Request) -> Any:
        return await self._transport.run(flows.call(request, self._retry))


def _id_of(approval: str | Approval) -> str:
    return approval if isinstance(approval, str) else approval.id


def _known(approval: str | Approval) -> Approval:
    return Approval(approval, "pending", "", {}) if isinstance(approval, str) else approval


def _fallback_of(approval: str | Approval, other: Fallback) -> Fallback:
    if isinstance(approval, RequestedApproval | AsyncRequestedApproval):
        return approval.fallback
    return other
