"""An approval request as the server describes it, typed.

Reading is lenient, so that a newer server may add fields (they stay in `raw`) and leave optional ones out; what the
safety of an action rests on (id, status) must be there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handrail.errors import ApprovalCancelled, ApprovalExpired, ApprovalRejected, HandrailError, NotApproved
from handrail.fallback import DECIDED_HERE

JsonObject = Mapping[str, Any]

OPEN_STATUSES = frozenset({"pending", "info_requested"})


@dataclass(frozen=True, slots=True)
class RiskFactor:
    """One reason why a request is risky; `weight` adds to the score."""

    name: str
    weight: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Risk:
    """The server's assessment. level: low, medium, high or critical; score: 0 to 1."""

    level: str
    score: float
    factors: tuple[RiskFactor, ...] = ()
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who decided, what, and when."""

    name: str
    verdict: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    verdict: approve, edit, reject or respond.
    arguments: what the action may run with, None where the verdict allows none.
    message: the answer in place of the action (respond), or a note.
    receipt: the signed receipt (JWS), "" when there is none.
    """

    verdict: str
    arguments: JsonObject | None = None
    reason: str = ""
    message: str = ""
    labels: tuple[str, ...] = ()
    reviewers: tuple[Reviewer, ...] = ()
    decided_at: datetime | None = None
    receipt: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One action of a batch, decided on its own."""

    index: int
    action: str
    arguments: JsonObject
    status: str
    allowed_decisions: tuple[str, ...] = ()
    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval at the moment it was read; reading again gives a new object.

    status: pending, info_requested, approved, rejected, answered, expired or cancelled; a batch may end as mixed.
    url: where a person decides. raw: the whole answer, also what this version of the client has no name for.
    """

    id: str
    status: str
    action: str
    arguments: JsonObject
    url: str = ""
    risk: Risk | None = None
    policy_version: str = ""
    policy_rule: str = ""
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    estimated_wait_seconds: float | None = None
    decision: Decision | None = None
    messages: tuple[JsonObject, ...] = ()
    outcome: JsonObject | None = None
    items: tuple[Item, ...] = ()
    raw: JsonObject = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether people can still decide."""
        return self.status in OPEN_STATUSES

    @property
    def is_approved(self) -> bool:
        """Whether the action may run, with `final_arguments`."""
        return self.status == "approved"

    @property
    def decided_here(self) -> bool:
        """Whether `on_unreachable` decided because the server was away: no person did, and there is no receipt."""
        return self.raw.get("decided_by") == DECIDED_HERE

    @property
    def answer(self) -> str | None:
        """The reviewer's answer in place of the action, None unless the status is answered."""
        if self.status != "answered":
            return None
        return self.decision.message if self.decision else ""

    @property
    def final_arguments(self) -> JsonObject:
        """The arguments the action may run with: the reviewer's when they edited, else the agent's own.

        Raises HandrailError when the action was not approved, so that forgetting to look at the status is no harm; and
        for several actions, of which each in `items` has arguments of its own.
        """
        if not self.is_approved:
            raise HandrailError(f"{self.action} ({self.id}) is {self.status}, not approved: it must not run")
        if len(self.items) > 1:
            raise HandrailError(
                f"{self.id} is about {len(self.items)} actions: look at what each of its items may run with"
            )
        if self.decision is not None and self.decision.arguments is not None:
            return self.decision.arguments
        return self.arguments

    def raise_if_denied(self) -> None:
        """Raise the NotApproved that belongs to a rejected, expired or cancelled request; return for any other."""
        denials: dict[str, type[ApprovalRejected | ApprovalExpired | ApprovalCancelled]] = {
            "rejected": ApprovalRejected,
            "expired": ApprovalExpired,
            "cancelled": ApprovalCancelled,
        }
        if self.status in denials:
            raise denials[self.status](self)
        if self.raw.get("effect") == "deny":
            raise NotApproved(f"{self.action} is {self.status}, and denied", self)


def parse_approval(data: object) -> Approval:
    """Read the wire form. Raises HandrailError when it is not an approval."""
    return Approval(**approval_fields(data))


def approval_fields(data: object) -> dict[str, Any]:
    """The fields of Approval as keyword arguments, for it and its subclasses."""
    if not isinstance(data, Mapping) or not data.get("id") or not isinstance(data.get("status"), str):
        raise HandrailError("The server's answer is not an approval; is the address right?")
    policy = _object(data.get("policy"))
    wait = data.get("estimated_wait_seconds")
    return {
        "id": str(data["id"]),
        "status": data["status"],
        "action": _string(data.get("action")),
        "arguments": _object(data.get("arguments")),
        "url": _string(data.get("url")),
        "risk": _risk(data.get("risk")),
        "policy_version": _string(policy.get("version")),
        "policy_rule": _string(policy.get("rule")),
        "requested_at": parse_time(data.get("requested_at")),
        "expires_at": parse_time(data.get("expires_at")),
        "estimated_wait_seconds": float(wait) if isinstance(wait, int | float) else None,
        "decision": parse_decision(data.get("decision")),
        "messages": tuple(_objects(data.get("messages"))),
        "outcome": data["outcome"] if isinstance(data.get("outcome"), Mapping) else None,
        "items": tuple(_item(entry) for entry in _objects(data.get("items"))),
        "raw": data,
    }


def parse_decision(data: object) -> Decision | None:
    """Read a decision; null stays None."""
    if not isinstance(data, Mapping):
        return None
    arguments = data.get("arguments")
    return Decision(
        verdict=_string(data.get("verdict")),
        arguments=arguments if isinstance(arguments, Mapping) else None,
        reason=_string(data.get("reason")),
        message=_string(data.get("message")),
        labels=strings(data.get("labels")),
        reviewers=tuple(
            Reviewer(_string(entry.get("name")), _string(entry.get("verdict")), parse_time(entry.get("at")))
            for entry in _objects(data.get("reviewers"))
        ),
        decided_at=parse_time(data.get("decided_at")),
        receipt=_string(data.get("receipt")),
    )


def parse_time(value: object) -> datetime | None:
    """Read an RFC 3339 time; anything else gives None."""
    if not isinstance(value, str):
        return None
    try:
        # Python 3.10's fromisoformat knows no "Z".
        return datetime.fromisoformat(value.removesuffix("Z") + "+00:00" if value.endswith("Z") else value)
    except ValueError:
        return None


def strings(value: object) -> tuple[str, ...]:
    """The strings of a JSON list; anything else gives none."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _risk(data: object) -> Risk | None:
    if not isinstance(data, Mapping):
        return None
    return Risk(
        level=_string(data.get("level")),
        score=_number(data.get("score")),
        factors=tuple(
            RiskFactor(_string(entry.get("name")), _number(entry.get("weight")), _string(entry.get("detail")))
            for entry in _objects(data.get("factors"))
        ),
        explanation=_string(data.get("explanation")),
    )


def _item(data: JsonObject) -> Item:
    return Item(
        index=int(_number(data.get("index"))),
        action=_string(data.get("action")),
        arguments=_object(data.get("arguments")),
        status=_string(data.get("status")),
        allowed_decisions=strings(data.get("allowed_decisions")),
        decision=parse_decision(data.get("decision")),
    )


def _object(value: object) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> Sequence[JsonObject]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _string(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return 0.0
