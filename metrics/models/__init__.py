"""Tables of the telemetry side, one module per table."""

from metrics.models.annotation import AnnotationItem, AnnotationQueue, AnnotationReview, AnnotationRule
from metrics.models.budget import Budget
from metrics.models.evaluation import Evaluation, EvaluationStandard
from metrics.models.flag import CheckPolicy, Flag, FlagCount
from metrics.models.heartbeat import Heartbeat
from metrics.models.log import Log
from metrics.models.masking import MaskedCount, MaskingPolicy
from metrics.models.point import Point
from metrics.models.reported_outcome import ReportedOutcome
from metrics.models.rollup import Rollup
from metrics.models.saved_view import SavedView
from metrics.models.score import Score
from metrics.models.score_config import ScoreConfig
from metrics.models.series import Metric, Series
from metrics.models.session import Session
from metrics.models.span import Span
from metrics.models.spend import Spend
from metrics.models.trace import Trace

__all__ = [
    "AnnotationItem",
    "AnnotationQueue",
    "AnnotationReview",
    "AnnotationRule",
    "Budget",
    "CheckPolicy",
    "Evaluation",
    "EvaluationStandard",
    "Flag",
    "FlagCount",
    "Heartbeat",
    "Log",
    "MaskedCount",
    "MaskingPolicy",
    "Metric",
    "Point",
    "ReportedOutcome",
    "Rollup",
    "SavedView",
    "Score",
    "ScoreConfig",
    "Series",
    "Session",
    "Span",
    "Spend",
    "Trace",
]
