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
    ReceiptRefused,
    Unreachable,
    WaitTimeout,
)
from handrail.examples import FeedbackExample
from handrail.options import RequestOptions
from handrail.receipts import Receipt, arguments_hash, read_receipt, verify_receipt
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
    "Receipt",
    "ReceiptRefused",
    "RequestOptions",
    "RequestedApproval",
    "RetryPolicy",
    "Reviewer",
    "Risk",
    "RiskFactor",
    "Unreachable",
    "WaitTimeout",
    "approval_required",
    "arguments_hash",
    "configure_tracing",
    "read_receipt",
    "verify_receipt",
]
