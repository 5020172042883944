"""What can go wrong between an agent and the people who oversee it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handrail.approvals import Approval

_STANDARD_MEMBERS = frozenset({"type", "title", "status", "detail", "errors", "instance"})


class HandrailError(Exception):
    """Base of every error of this package; also raised as it is when the server refused a call.

    A refusal arrives as `application/problem+json` (RFC 9457) and is read into the attributes.

    status: HTTP status, None when no answer came.
    title, detail: the problem's own words, "" when it gave none.
    errors: messages by field name, for instance `{"arguments.amount": ("must be a number",)}`.
    extra: the problem's other members, for instance "decided_by" and "verdict" of a 409.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        title: str = "",
        detail: str = "",
        errors: Mapping[str, tuple[str, ...]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors: Mapping[str, tuple[str, ...]] = dict(errors or {})
        self.extra: Mapping[str, Any] = dict(extra or {})


class Unreachable(HandrailError):
    """No usable answer within the retry policy's patience. Nothing was decided: do not act."""


class WaitTimeout(HandrailError, TimeoutError):
    """`wait(timeout=...)` ended before a decision. The request still stands and can be waited for again."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"No decision on {approval.action} ({approval.id}) yet")
        self.approval = approval


class NotApproved(HandrailError):
    """Base of the three ends that forbid the action. `approval` is the request as it ended."""

    def __init__(self, message: str, approval: Approval) -> None:
        super().__init__(message)
        self.approval = approval


class ApprovalRejected(NotApproved):
    """A person said no. `reason` is theirs, "" when they gave none."""

    def __init__(self, approval: Approval) -> None:
        self.reason = approval.decision.reason if approval.decision else ""
        because = f": {self.reason}" if self.reason else ""
        super().__init__(f"{approval.action} was rejected{because}", approval)


class ApprovalExpired(NotApproved):
    """Nobody decided before the deadline. Neither an approval nor a rejection."""

    def __init__(self, approval: Approval) -> None:
        deadline = f" before {approval.expires_at:%Y-%m-%d %H:%M:%S %Z}" if approval.expires_at else " in time"
        super().__init__(f"{approval.action} was not decided{deadline}", approval)


class ApprovalCancelled(NotApproved):
    """The request was withdrawn before anybody decided."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(f"{approval.action} was cancelled", approval)


class ReceiptRefused(HandrailError):
    """Nothing may run on this receipt. `refusal` is why, in one word.

    arguments_differ, not_approved, expired, forged; consumed: the action has run already, or is running.
    """

    def __init__(
        self, message: str, *, refusal: str, status: int | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message, status=status, extra=extra)
        self.refusal = refusal


def words_of(error: BaseException) -> str:
    """What an exception says, "" when it fails even at that: reporting one must not raise another in its place."""
    try:
        return str(error)
    except Exception:
        return ""


def from_problem(status: int, body: bytes, *, what: str) -> HandrailError:
    """Read a refusal into a HandrailError; any body will do, also one that a proxy wrote.

    what: the call in words, for the message, for instance "POST /api/v1/approvals".
    """
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        text = body[:200].decode("utf-8", "replace").strip()
        return HandrailError(f"{what}: HTTP {status}" + (f": {text}" if text else ""), status=status, detail=text)
    title, detail = _text(problem.get("title")), _text(problem.get("detail"))
    errors = _field_errors(problem.get("errors"))
    said = [f"{name}: {' '.join(messages)}" for name, messages in errors.items()]
    # Many servers repeat the fields in the detail; once is enough.
    fields = "; ".join(words for words in said if words not in detail)
    words = ". ".join(part.rstrip(".") for part in (title, detail, fields) if part)
    return HandrailError(
        f"{what}: HTTP {status}" + (f": {words}" if words else ""),
        status=status,
        title=title,
        detail=detail,
        errors=errors,
        extra={name: value for name, value in problem.items() if name not in _STANDARD_MEMBERS},
    )


def _field_errors(value: object) -> dict[str, tuple[str, ...]]:
    """Messages by field, from either common form: `{"field": [...]}` or `[{"field"|"pointer", "detail"|"message"}]`."""
    if isinstance(value, Mapping):
        return {str(name): _messages(found) for name, found in value.items()}
    collected: dict[str, tuple[str, ...]] = {}
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, Mapping):
            name = _text(entry.get("field") or entry.get("pointer") or entry.get("name"))
            message = entry.get("messages") or entry.get("detail") or entry.get("message")
            collected[name] = collected.get(name, ()) + _messages(message)
        else:
            collected[""] = collected.get("", ()) + _messages(entry)
    return collected


def _messages(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    return (_text(value),)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value)
