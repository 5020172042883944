"""Both clients behind one face, so that one test holds for the two."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from handrail import Approval, AsyncHandrail, FeedbackExample, Handrail, RetryPolicy

# Real pauses, too short to notice.
QUICK = RetryPolicy(base_seconds=0.001, cap_seconds=0.01, patience_seconds=5.0, wait_patience_seconds=10.0)


class Face(Protocol):
    """What both clients can do, called the same way."""

    def ask(self, action: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Approval: ...
    def wait(self, approval_id: str, timeout: float | None = None) -> Approval: ...
    def get(self, approval_id: str) -> Approval: ...
    def cancel(self, approval_id: str, reason: str = "") -> Approval: ...
    def outcome(self, approval_id: str, status: Any, detail: Any = None) -> None: ...
    def feedback(self, **options: Any) -> list[FeedbackExample]: ...


class Blocking:
    def __init__(self, client: Handrail) -> None:
        self.client = client

    def ask(self, action: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Approval:
        return self.client.request_approval(action, arguments, **options)

    def wait(self, approval_id: str, timeout: float | None = None) -> Approval:
        return self.client.wait(approval_id, timeout=timeout)

    def get(self, approval_id: str) -> Approval:
        return self.client.get(approval_id)

    def cancel(self, approval_id: str, reason: str = "") -> Approval:
        return self.client.cancel(approval_id, reason=reason)

    def outcome(self, approval_id: str, status: Any, detail: Any = None) -> None:
        self.client.record_outcome(approval_id, status, detail)

    def feedback(self, **options: Any) -> list[FeedbackExample]:
        return list(self.client.feedback(**options))


class Awaiting:
    def __init__(self, client: AsyncHandrail, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop

    def ask(self, action: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> Approval:
        return self.loop.run_until_complete(self.client.request_approval(action, arguments, **options))

    def wait(self, approval_id: str, timeout: float | None = None) -> Approval:
        return self.loop.run_until_complete(self.client.wait(approval_id, timeout=timeout))

    def get(self, approval_id: str) -> Approval:
        return self.loop.run_until_complete(self.client.get(approval_id))

    def cancel(self, approval_id: str, reason: str = "") -> Approval:
        return self.loop.run_until_complete(self.client.cancel(approval_id, reason=reason))

    def outcome(self, approval_id: str, status: Any, detail: Any = None) -> None:
        self.loop.run_until_complete(self.client.record_outcome(approval_id, status, detail))

    def feedback(self, **options: Any) -> list[FeedbackExample]:
        async def collect() -> list[FeedbackExample]:
            return [example async for example in self.client.feedback(**options)]

        return self.loop.run_until_complete(collect())
