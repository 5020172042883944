"""Handrail's client for agents: ask a person before acting, learn what they said, send traces."""

from handrail.approvals import Approval, Decision, Item, Reviewer, Risk, RiskFactor
from handrail.client import AsyncHandrail, AsyncRequestedApproval, Handrail, RequestedApproval
from handrail.decorator import approval_required
from handrail.errors import (
    ApprovalCancelled,
    ApprovalExpired,
    ApprovalRejected,
    HandrailError,
    NotApproved,
    Unreachable,
    WaitTimeout,
)
from handrail.examples import FeedbackExample
from handrail.options import RequestOptions
from handrail.retry import RetryPolicy
from handrail.tracing import configure_tracing

__all__ = [
    "Approval",
    "ApprovalCancelled",
    "ApprovalExpired",
    "ApprovalRejected",
    "AsyncHandrail",
    "AsyncRequestedApproval",
    "Decision",
    "FeedbackExample",
    "Handrail",
    "HandrailError",
    "Item",
    "NotApproved",
    "RequestOptions",
    "RequestedApproval",
    "RetryPolicy",
    "Reviewer",
    "Risk",
    "RiskFactor",
    "Unreachable",
    "WaitTimeout",
    "approval_required",
    "configure_tracing",
]
