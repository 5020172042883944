"""The report of the quality of labels as JSON, and what its people are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.models import Project, User
from console.lib.clock import rfc3339
from metrics.comparison import Interval
from reviews.agreement import Coefficient
from reviews.drift import Count, Drift
from reviews.rated import Agreement, Pair
from reviews.selectors.feedback import names_reviewers
from reviews.selectors.quality import Report, Reviewer, Window
from reviews.serializers.feedback import pseudonym


@dataclass(frozen=True)
class Named:
    """One person: the pseudonym of the project's examples, and the name where the project wants names."""

    id: str
    name: str = ""

    @property
    def label(self) -> str:
        """What pages call them."""
        return self.name or self.id[:8]


def named(project: Project, people: Iterable[int]) -> dict[int, Named]:
    """What people are called in a project, by their keys. Two queries, one without names."""
    keys = list(people)
    names = {user.pk: str(user) for user in User.objects.filter(pk__in=keys)} if names_reviewers(project) else {}
    return {key: Named(pseudonym(project.pk, key), names.get(key, "")) for key in keys}


def represent(report: Report, names: dict[int, Named], *, people: bool, seeds: bool) -> dict[str, Any]:
    """The JSON object of GET /api/v1/quality. `people`: with figures of persons; `seeds`: with those of seeds."""
    return {
        "from": rfc3339(report.window.start),
        "to": rfc3339(report.window.until),
        "source": report.source,
        "capped": report.capped,
        "overall": _agreement(report.overall),
        "actions": [{"action": action, **_agreement(found)} for action, found in report.actions],
        "more_actions": report.more_actions,
        "pairs": [_pair(pair, names) for pair in report.pairs] if people else [],
        "more_pairs": report.more_pairs if people else 0,
        "reviewers": [_reviewer(one, report.window, names, seeds) for one in report.reviewers] if people else [],
        "more_reviewers": report.more_reviewers if people else 0,
        "seeds": _count(report.seeds) if seeds else None,
    }


def interval(at: Interval) -> dict[str, float | None]:
    """A figure and the ends of its interval."""
    return {"value": at.value, "low": at.low, "high": at.high}


def _coefficient(found: Coefficient) -> dict[str, Any]:
    return {**interval(found.interval), "why": found.why.value or None}


def _agreement(found: Agreement) -> dict[str, Any]:
    return {
        "items": found.items,
        "ratings": found.fleiss.ratings,
        "unanimous": interval(found.unanimous),
        "fleiss_kappa": _coefficient(found.fleiss),
        "krippendorff_alpha": _coefficient(found.alpha),
    }


def _pair(pair: Pair, names: dict[int, Named]) -> dict[str, Any]:
    return {
        "reviewers": [_person(names[pair.one]), _person(names[pair.other])],
        "items": pair.kappa.items,
        "same": interval(pair.same),
        "cohen_kappa": _coefficient(pair.kappa),
    }


def _reviewer(one: Reviewer, window: Window, names: dict[int, Named], seeds: bool) -> dict[str, Any]:
    weeks = zip(window.weeks, one.approvals, one.agreed, strict=True)
    return {
        "reviewer": _person(names[one.key]),
        "approved": _count(one.decided),
        "agreed": _count(one.agreement),
        "seeds": _count(one.seeds) if seeds else None,
        "approval_drift": _drift(one.approval_drift),
        "agreement_drift": _drift(one.agreement_drift),
        "weeks": [
            {
                "week": rfc3339(week), "decided": approved.whole, "approved": approved.part, "judged": agreed.whole,
                "agreed": agreed.part,
            }
            for week, approved, agreed in weeks
        ],
    }  # fmt: skip


def _person(one: Named) -> dict[str, str]:
    return {"id": one.id, "name": one.name} if one.name else {"id": one.id}


def _count(count: Count) -> dict[str, Any]:
    return {"part": count.part, "whole": count.whole, **interval(count.interval)}


def _drift(found: Drift) -> dict[str, Any]:
    return {
        "before": _count(found.before),
        "recent": _count(found.recent),
        "others_before": _count(found.rest_before),
        "others_recent": _count(found.rest_recent),
        "moved": interval(found.moved),
        "drifts": found.is_drift,
    }
