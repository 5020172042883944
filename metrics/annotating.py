"""What an annotation queue and its rules may be, and which traces a sample takes. Pure."""

import hashlib
import math
from dataclasses import dataclass
from urllib.parse import parse_qsl

from metrics.questions import TRACE_FILTERS, trace_filter
from metrics.ranges import ParameterError
from metrics.scoring import Refused
from metrics.trace_filter import TraceFilter

KINDS = ("low_score", "high_cost", "errors", "sample", "every_nth")
LOW_SCORE, HIGH_COST, ERRORS, SAMPLE, EVERY_NTH = KINDS
MOST_REVIEWERS = 20
NAME_CHARS = 100
_DIGEST_BITS = 64


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be looked at, and why, in words."""

    trace_id: bytes
    span_id: bytes | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """A rule as somebody asks for it: `amount` as in metrics.models.AnnotationRule."""

    kind: str
    query: str = ""
    score_name: str = ""
    amount: float | None = None


def checked(spec: RuleSpec) -> RuleSpec:
    """The rule when it makes sense. Raises Refused naming `kind`, `amount`, `score_name` or `query`."""
    if spec.kind not in KINDS:
        raise Refused("kind", f"must be one of {', '.join(KINDS)}")
    if spec.kind == LOW_SCORE and not spec.score_name:
        raise Refused("score_name", "which score?")
    if spec.kind != ERRORS:
        _check_amount(spec.kind, spec.amount)
    chosen = filter_of(spec.query)
    if spec.kind == LOW_SCORE and chosen.search:
        raise Refused("query", "a rule about scores cannot search in text")
    return RuleSpec(
        spec.kind,
        spec.query,
        spec.score_name if spec.kind == LOW_SCORE else "",
        None if spec.kind == ERRORS else spec.amount,
    )


def _check_amount(kind: str, amount: float | None) -> None:
    if amount is None or not math.isfinite(amount):
        raise Refused("amount", "is required")
    if kind == HIGH_COST and not 0 < amount <= 1_000_000:
        raise Refused("amount", "dollars, more than 0 and at most 1,000,000")
    if kind == SAMPLE and not 0 < amount <= 100:
        raise Refused("amount", "percent, more than 0 and at most 100")
    if kind == EVERY_NTH and not (1 <= amount <= 1_000_000 and amount == int(amount)):
        raise Refused("amount", "a whole number from 1 to 1,000,000")


OF_THE_LIST = frozenset({"range", "from", "to", "sort", "order", "live", "seen", "waiting", "cursor", "before"})
"""What else the address of a trace list has."""


def filter_of(query: str) -> TraceFilter:
    """The filter in the address of a trace list; its times do not count. Raises Refused naming `query`.

    A name that is no filter is refused: misspelt, it would let everything through.
    """
    said = dict(parse_qsl(query))
    for name in said:
        if name not in TRACE_FILTERS | OF_THE_LIST:
            raise Refused("query", f"{name[:80]} is no filter of traces")
    try:
        return trace_filter(said)
    except ParameterError as error:
        raise Refused("query", str(error)) from error


def in_sample(salt: int, trace_id: bytes, percent: float) -> bool:
    """Whether a trace is in the sample of a rule: always the same answer, evenly spread, another one per `salt`."""
    digest = hashlib.blake2b(trace_id, digest_size=_DIGEST_BITS // 8, salt=salt.to_bytes(16, "big")).digest()
    return int.from_bytes(digest, "big") < percent / 100 * 2.0**_DIGEST_BITS
