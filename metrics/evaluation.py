"""How good a version of an agent is, by dimension and as a whole. Pure.

Each dimension is one measured figure with its target, and a `goodness` from 0 to 1:

    correctness     share of judged cases that were right                     goodness = share
    performance     p95 of the time of a request                              goodness = min(1, target / p95)
    robustness      share of requests that failed                             goodness = 1 - share
    security        share of checked cases without a flag                     goodness = share
    explainability  share of actions that came with a reason                  goodness = share
    fairness        largest gap between the shares of two groups that went well   goodness = 1 - gap

    overall = 100 * sum(weight * goodness) / sum(weight)     over the dimensions that have data

A dimension without data has no goodness and takes no part: the weights of the others are scaled up to 1. Nothing is put
in its place. So two overall scores can only be compared where they cover the same dimensions (`Evaluation.covered`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from metrics import comparison, histogram
from metrics.comparison import Interval
from metrics.statistics import Share, difference_of_shares

SECONDS = 1e9
P95 = 0.95
FEWEST_OF_GROUP = 20
"""Groups with fewer cases are not compared: their shares are mostly chance."""
MOST_GROUPS = 20
NONE = Share(0, 0)


class Dimension(StrEnum):
    """What is evaluated, in the order in which it is shown."""

    CORRECTNESS = "correctness"
    PERFORMANCE = "performance"
    ROBUSTNESS = "robustness"
    SECURITY = "security"
    EXPLAINABILITY = "explainability"
    FAIRNESS = "fairness"


TARGETS: Mapping[Dimension, float] = {
    Dimension.CORRECTNESS: 0.85,
    Dimension.PERFORMANCE: 5.0,
    Dimension.ROBUSTNESS: 0.05,
    Dimension.SECURITY: 0.90,
    Dimension.EXPLAINABILITY: 0.80,
    Dimension.FAIRNESS: 0.10,
}
"""Shares from 0 to 1; of performance seconds."""
WEIGHTS: Mapping[Dimension, float] = dict(zip(Dimension, (0.3, 0.2, 0.2, 0.15, 0.1, 0.05), strict=True))
LESS_IS_BETTER = frozenset({Dimension.PERFORMANCE, Dimension.ROBUSTNESS, Dimension.FAIRNESS})
LONGEST_P95 = 86_400.0


class Wrong(ValueError):
    """A target or a weight cannot be used. `name` says which: the dimension, or "weights" for all together."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class Standard:
    """What a project asks of its agents."""

    targets: Mapping[Dimension, float] = field(default_factory=lambda: dict(TARGETS))
    weights: Mapping[Dimension, float] = field(default_factory=lambda: dict(WEIGHTS))

    def check(self) -> None:
        """Raises Wrong for the first target or weight that cannot be used."""
        for name, target in self.targets.items():
            most = LONGEST_P95 if name is Dimension.PERFORMANCE else 1.0
            if not 0 <= target <= most or (name is Dimension.PERFORMANCE and not target):
                raise Wrong(name, f"The target must be between 0 and {most:g}.")
        for name, weight in self.weights.items():
            if not 0 <= weight <= 1:
                raise Wrong(name, "A weight must be between 0 and 1.")
        if abs(sum(self.weights.values()) - 1) > 1e-6:
            raise Wrong("weights", "The weights must add up to 1.")


@dataclass(frozen=True, slots=True)
class Group:
    """The cases that share one value of the attribute, and how many of them went well."""

    name: str
    well: Share


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one version of an agent. An empty share (0 of 0) and an empty histogram are no data.

    `durations` of all requests, in nanoseconds (metrics.histogram); `failed` of all requests. `timed_out` and
    `recovered` of the sampled traces: a recovered one had a failed step and came through all the same. `groups_by` says
    what "went well" means for the groups: "correctness", else "errors".
    """

    right: Share = NONE
    durations: histogram.Pairs = ()
    failed: Share = NONE
    timed_out: Share = NONE
    recovered: Share = NONE
    clean: Share = NONE
    explained: Share = NONE
    groups: Sequence[Group] = ()
    groups_by: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One dimension of one version. `at` is None where there is no data, and so is all that follows from it.

    `sure`: the whole interval is on the same side of the target as the figure. `weight` is the project's, `share` what
    it comes to among the dimensions that have data. `notes` are further figures in the units of the dimension.
    """

    dimension: Dimension
    target: float
    weight: float
    at: Interval
    count: int = 0
    goodness: float | None = None
    share: float | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        return self.at.value is not None

    @property
    def met(self) -> bool | None:
        """Whether the figure reaches its target; None without data."""
        return None if self.at.value is None else self._reaches(self.at.value)

    @property
    def sure(self) -> bool:
        ends = (self.at.low, self.at.high)
        return self.known and all(end is not None and self._reaches(end) == self.met for end in ends)

    def _reaches(self, value: float) -> bool:
        return value <= self.target if self.dimension in LESS_IS_BETTER else value >= self.target


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All dimensions of one version, and `overall` from 0 to 100, None without any data.

    `covered`: how much of the project's weights the overall score stands on, 0 to 1.
    """

    findings: Sequence[Finding]
    overall: float | None
    covered: float

    def __getitem__(self, name: str) -> Finding:
        return next(one for one in self.findings if one.dimension == name)

    @property
    def missing(self) -> list[Dimension]:
        """The dimensions of which nothing is known."""
        return [one.dimension for one in self.findings if not one.known]


def evaluate(facts: Facts, standard: Standard) -> Evaluation:
    """The evaluation of what is known by what is asked for. The formulas are at the head of the module."""
    measured = {
        Dimension.CORRECTNESS: _share(facts.right),
        Dimension.PERFORMANCE: _performance(facts),
        Dimension.ROBUSTNESS: _robustness(facts),
        Dimension.SECURITY: _share(facts.clean),
        Dimension.EXPLAINABILITY: _share(facts.explained),
        Dimension.FAIRNESS: _fairness(facts),
    }
    weights = standard.weights
    known = {name: weights[name] for name, (at, _count, _notes) in measured.items() if at.value is not None}
    whole = sum(known.values())
    findings = []
    for name, (at, count, notes) in measured.items():
        target = standard.targets[name]
        findings.append(
            Finding(
                dimension=name,
                target=target,
                weight=weights[name],
                at=at,
                count=count,
                goodness=None if at.value is None else goodness(name, at.value, target),
                share=known[name] / whole if name in known and whole else None,
                notes=notes,
            )
        )
    score = sum((one.goodness or 0.0) * one.share for one in findings if one.share is not None)
    return Evaluation(findings, 100 * score if whole else None, whole / (sum(weights.values()) or 1.0))


def goodness(name: Dimension, value: float, target: float) -> float:
    """What a figure is worth, 0 to 1: see the head of the module."""
    if name is Dimension.PERFORMANCE:
        return min(1.0, target / value) if value else 1.0
    return 1 - value if name in LESS_IS_BETTER else value


Measured = tuple[Interval, int, Mapping[str, Any]]


def _share(of: Share) -> Measured:
    return comparison.share(*of), of.whole, {}


def _performance(facts: Facts) -> Measured:
    at = comparison.quantile(facts.durations, P95)
    p50, p99 = histogram.quantiles(facts.durations, [0.5, 0.99])
    count = sum(facts.durations[1::2])
    return Interval(*map(_seconds, at)), int(count), {"p50": _seconds(p50), "p99": _seconds(p99)}


def _seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / SECONDS


def _robustness(facts: Facts) -> Measured:
    notes = {"timed_out": _value(facts.timed_out), "recovered": _value(facts.recovered), "of": facts.timed_out.whole}
    return comparison.share(*facts.failed), facts.failed.whole, notes


def _value(of: Share) -> float | None:
    return of.part / of.whole if of.whole else None


def _fairness(facts: Facts) -> Measured:
    """The gap between the best and the worst group that have FEWEST_OF_GROUP cases. Its interval is that of these two
    groups as if they had been chosen beforehand: of many groups the gap of the extremes is a little flattered."""
    fit = sorted((one for one in facts.groups if one.well.whole >= FEWEST_OF_GROUP), key=lambda one: one.name)
    small = len(facts.groups) - len(fit)
    if len(fit) < 2:
        return Interval(None), 0, {"small": small, "groups": len(fit)}
    worst = min(fit, key=lambda one: one.well.part / one.well.whole)
    best = max(fit, key=lambda one: one.well.part / one.well.whole)
    at = difference_of_shares(worst.well, best.well)
    low = None if at.low is None else max(at.low, 0.0)
    notes = {
        "best": best.name, "best_share": _value(best.well), "worst": worst.name, "worst_share": _value(worst.well),
        "groups": len(fit), "small": small, "by": facts.groups_by,
    }  # fmt: skip
    return Interval(at.value, low, at.high), sum(one.well.whole for one in fit), notes
