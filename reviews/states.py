"""The life of an approval request: one table of everything that may happen to it.

Pure: no ORM, no clock. Whoever changes a status asks `target` first and then makes the change with one UPDATE that
names the status it expects, so that of two people only one can win.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a request stands. What an approved request led to is its outcome, not a status."""

    PENDING = "pending"
    INFO_REQUESTED = "info_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    ANSWERED = "answered"
    MIXED = "mixed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Verb(StrEnum):
    """What can be done to a request. The verdicts are those that decide it: `vote` is one that others must join.

    `mix` decides a batch whose items were decided differently; `withdraw` takes a vote back.
    """

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    REQUEST_INFO = "request_info"
    PROVIDE_INFO = "provide_info"
    VOTE = "vote"
    WITHDRAW = "withdraw"
    MIX = "mix"
    CANCEL = "cancel"
    EXPIRE = "expire"


class Verdict(StrEnum):
    """What a person can decide. `edit` approves with changed arguments, `respond` answers in place of the action."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"


class IllegalTransition(ValueError):
    """The verb has no meaning for a request in this status."""

    def __init__(self, status: Status, verb: Verb) -> None:
        super().__init__(f"a request that is {status} cannot take the verb {verb}")
        self.status = status
        self.verb = verb


TRANSITIONS: dict[tuple[Status, Verb], Status] = {
    (Status.PENDING, Verb.APPROVE): Status.APPROVED,
    (Status.PENDING, Verb.EDIT): Status.APPROVED,
    (Status.PENDING, Verb.REJECT): Status.REJECTED,
    (Status.PENDING, Verb.RESPOND): Status.ANSWERED,
    (Status.PENDING, Verb.MIX): Status.MIXED,
    (Status.PENDING, Verb.VOTE): Status.PENDING,
    (Status.PENDING, Verb.WITHDRAW): Status.PENDING,
    (Status.PENDING, Verb.REQUEST_INFO): Status.INFO_REQUESTED,
    (Status.PENDING, Verb.CANCEL): Status.CANCELLED,
    (Status.PENDING, Verb.EXPIRE): Status.EXPIRED,
    (Status.INFO_REQUESTED, Verb.APPROVE): Status.APPROVED,
    (Status.INFO_REQUESTED, Verb.EDIT): Status.APPROVED,
    (Status.INFO_REQUESTED, Verb.REJECT): Status.REJECTED,
    (Status.INFO_REQUESTED, Verb.RESPOND): Status.ANSWERED,
    (Status.INFO_REQUESTED, Verb.MIX): Status.MIXED,
    (Status.INFO_REQUESTED, Verb.VOTE): Status.INFO_REQUESTED,
    (Status.INFO_REQUESTED, Verb.WITHDRAW): Status.INFO_REQUESTED,
    (Status.INFO_REQUESTED, Verb.REQUEST_INFO): Status.INFO_REQUESTED,
    (Status.INFO_REQUESTED, Verb.PROVIDE_INFO): Status.PENDING,
    (Status.INFO_REQUESTED, Verb.CANCEL): Status.CANCELLED,
    (Status.INFO_REQUESTED, Verb.EXPIRE): Status.EXPIRED,
}

WAITING = frozenset({Status.PENDING, Status.INFO_REQUESTED})
"""Somebody may still decide."""

DECIDED = frozenset({Status.APPROVED, Status.REJECTED, Status.ANSWERED, Status.MIXED})
"""Somebody did decide."""

GRANTED = frozenset({Status.APPROVED, Status.ANSWERED, Status.MIXED})
"""The agent was given something to go on with, so there can be an outcome."""


def target(status: Status, verb: Verb) -> Status:
    """The status that `verb` leads to. Raises IllegalTransition when there is none."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise IllegalTransition(status, verb) from None
