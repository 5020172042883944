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
from handrail.fallback import Fallback, OnUnreachable
from handrail.observing import observe_agent, observe_llm, observe_tool
from handrail.options import Action, RequestOptions
from handrail.provider import configure_tracing
from handrail.receipts import Receipt, arguments_hash, read_receipt, verify_receipt
from handrail.retry import RetryPolicy
from handrail.spool import Spool
from handrail.tracing import conversation, correlate_logs, outcome_in_span

__all__ = [
    "Action",
    "Approval",
    "ApprovalCancelled",
    "ApprovalExpired",
    "ApprovalRejected",
    "AsyncHandrail",
    "AsyncRequestedApproval",
    "Decision",
    "Fallback",
    "FeedbackExample",
    "Handrail",
    "HandrailError",
    "Item",
    "NotApproved",
    "OnUnreachable",
    "Receipt",
    "ReceiptRefused",
    "RequestOptions",
    "RequestedApproval",
    "RetryPolicy",
    "Reviewer",
    "Risk",
    "RiskFactor",
    "Spool",
    "Unreachable",
    "WaitTimeout",
    "approval_required",
    "arguments_hash",
    "configure_tracing",
    "conversation",
    "correlate_logs",
    "observe_agent",
    "observe_llm",
    "observe_tool",
    "outcome_in_span",
    "read_receipt",
    "verify_receipt",
]
