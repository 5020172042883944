"""Rows of approvals, decisions, policy and feedback."""

from reviews.models.approval import Approval, ApprovalEvent, ApprovalItem
from reviews.models.backtest import Backtest, BacktestCase, Pattern
from reviews.models.dataset import Dataset, DatasetCandidate, DatasetPart, DatasetVersion
from reviews.models.decision import Decision
from reviews.models.export import Export, ExportPart
from reviews.models.feedback import FeedbackCorrection, FeedbackExample, FeedbackSettings, ReasonLabel, ScoreNote
from reviews.models.flow import Dimension, FlowEntry, FlowRollup
from reviews.models.humanlayer import HumanLayerCall
from reviews.models.policy import PolicyDraft, PolicyVersion
from reviews.models.precedent import Precedent
from reviews.models.quality import QualitySettings, RatedItem, Rereview, RereviewAnswer
from reviews.models.receipt import Receipt
from reviews.models.signing_key import SigningKey
from reviews.models.work import LongWork, WorkStatus

__all__ = [
    "Approval",
    "ApprovalEvent",
    "ApprovalItem",
    "Backtest",
    "BacktestCase",
    "Dataset",
    "DatasetCandidate",
    "DatasetPart",
    "DatasetVersion",
    "Decision",
    "Dimension",
    "Export",
    "ExportPart",
    "FeedbackCorrection",
    "FeedbackExample",
    "FeedbackSettings",
    "FlowEntry",
    "FlowRollup",
    "HumanLayerCall",
    "LongWork",
    "Pattern",
    "PolicyDraft",
    "PolicyVersion",
    "Precedent",
    "QualitySettings",
    "RatedItem",
    "ReasonLabel",
    "Receipt",
    "Rereview",
    "RereviewAnswer",
    "ScoreNote",
    "SigningKey",
    "WorkStatus",
]
