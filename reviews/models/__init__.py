"""Rows of approvals, decisions, policy and feedback."""

from reviews.models.approval import Approval, ApprovalEvent, ApprovalItem
from reviews.models.decision import Decision
from reviews.models.feedback import FeedbackExample
from reviews.models.policy import PolicyDraft, PolicyVersion

__all__ = ["Approval", "ApprovalEvent", "ApprovalItem", "Decision", "FeedbackExample", "PolicyDraft", "PolicyVersion"]
