"""The figures of a back-test, made of its counts. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from metrics.comparison import Interval, share
from reviews.policy.backtest import OTHERS, Tallies
from reviews.policy.schema import Effect

MS_PER_HOUR = 3_600_000
ENDS = ("automatic", "timeout", "expired", "cancelled", "waiting")
"""Why nobody's verdict tells what would have been right."""


@dataclass(frozen=True)
class Figures:
    """What a policy would have done with the requests of one group. Shares are of requests that people decided."""

    counts: Counter[str]

    @property
    def seen(self) -> int:
        """All requests that were judged."""
        return self.counts["seen"]

    @property
    def labelled(self) -> int:
        """Those that people decided."""
        return sum(self.counts[f"labelled.{effect.value}"] for effect in Effect)

    @property
    def approved(self) -> int:
        """Those of the labelled that the policy approves by itself."""
        return self.counts[f"labelled.{Effect.AUTO_APPROVE.value}"]

    @property
    def rejected(self) -> int:
        """Those of the labelled that the policy rejects by itself."""
        return self.counts[f"labelled.{Effect.AUTO_REJECT.value}"]

    @property
    def unlabelled(self) -> dict[str, int]:
        """Requests without a verdict of people, by ENDS."""
        return {end: self.counts[f"end.{end}"] for end in ENDS if self.counts[f"end.{end}"]}

    @property
    def unlabelled_effects(self) -> dict[str, int]:
        """What the policy would have done with the unlabelled, by effect; whether rightly cannot be told."""
        return {effect.value: self.counts[f"unlabelled.{effect.value}"] for effect in Effect}

    @property
    def doubtful(self) -> int:
        """Requests of which a condition could not be judged: people would have looked."""
        return self.counts["doubtful"]

    @property
    def false_approvals(self) -> dict[str, int]:
        """By what tells: reject, edit, respond, mixed, failed, reverted."""
        return self._under("false_approval.")

    @property
    def false_rejections(self) -> dict[str, int]:
        """By what tells: approve, edit, mixed."""
        return self._under("false_rejection.")

    @property
    def wrong(self) -> int:
        """All disagreements."""
        return sum(self.false_approvals.values()) + sum(self.false_rejections.values())

    @property
    def false_approval_share(self) -> Interval:
        """Of what the policy approves."""
        return share(sum(self.false_approvals.values()), self.approved)

    @property
    def false_rejection_share(self) -> Interval:
        """Of what the policy rejects."""
        return share(sum(self.false_rejections.values()), self.rejected)

    @property
    def decided_share(self) -> Interval:
        """Of what people decided, the part that they would not have had to look at."""
        return share(self.approved + self.rejected, self.labelled)

    @property
    def hours(self) -> float:
        """Reviewer-hours spent on all of it; decisions whose time is not known count as the mean of the others."""
        return self._hours("spent")

    @property
    def hours_saved(self) -> float:
        """Those of the hours that the policy would have saved."""
        return self._hours("saved")

    @property
    def timed_share(self) -> float | None:
        """The part of the saved decisions whose time is known."""
        return self.counts["saved.timed"] / self.counts["saved.decisions"] if self.counts["saved.decisions"] else None

    def _hours(self, prefix: str) -> float:
        """The known times, and for each other decision the mean of the known ones of the group."""
        timed, known = self.counts[f"{prefix}.timed"], self.counts[f"{prefix}.ms"]
        if not timed:
            timed, mean_of = self.counts["spent.timed"], self.counts["spent.ms"]
            return self.counts[f"{prefix}.decisions"] * mean_of / timed / MS_PER_HOUR if timed else 0.0
        return self.counts[f"{prefix}.decisions"] * known / timed / MS_PER_HOUR

    def _under(self, prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): n for name, n in sorted(self.counts.items()) if name.startswith(prefix)}


@dataclass(frozen=True)
class Group:
    """The figures of one agent or action; `others` are those beyond the ones that are told apart."""

    name: str
    others: bool
    figures: Figures


@dataclass(frozen=True)
class Results:
    """A run in figures."""

    total: Figures
    agents: list[Group]
    actions: list[Group]


def results_of(tallies: Tallies) -> Results:
    """The figures of all, and by agent and action, those with the most requests first."""
    return Results(Figures(tallies.total), _groups(tallies.agents), _groups(tallies.actions))


def _groups(groups: dict[str, Counter[str]]) -> list[Group]:
    ordered = sorted(groups.items(), key=lambda pair: (pair[0] == OTHERS, -pair[1]["seen"], pair[0]))
    return [Group("" if name == OTHERS else name, name == OTHERS, Figures(counts)) for name, counts in ordered]
