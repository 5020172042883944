"""Suggested rules as the API shows them."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from console.lib.clock import rfc3339
from metrics.comparison import share
from reviews.models import Pattern
from reviews.pattern_words import sentence
from reviews.policy.backtest import load_tallies
from reviews.policy.results import results_of
from reviews.serializers.backtests import represent_figures


def represent_pattern(pattern: Pattern) -> dict[str, Any]:
    """A suggestion with its evidence. Wants `project` and `backtest` at hand."""
    groups = results_of(load_tallies(pattern.backtest.tallies)).actions
    figures = next((group.figures for group in groups if group.name == pattern.action and not group.others), None)
    return {
        "id": str(pattern.pk),
        "url": f"{settings.PUBLIC_URL}/p/{pattern.project.slug}/policies/suggestions/#pattern-{pattern.pk}",
        "status": pattern.status,
        "sentence": sentence(
            verdict=pattern.verdict,
            action=pattern.action,
            matched=pattern.matched,
            agreeing=pattern.agreeing,
            clauses=pattern.clauses,
        ),
        "action": pattern.action,
        "verdict": pattern.verdict,
        "condition": pattern.condition,
        "clauses": pattern.clauses,
        "evidence": {
            "matched": pattern.matched,
            "agreeing": pattern.agreeing,
            "share": share(pattern.agreeing, pattern.matched)._asdict(),
            "not_searched": {"matched": pattern.later_matched, "agreeing": pattern.later_agreeing},
            "exceptions": [str(key) for key in pattern.exceptions],
            "since": rfc3339(pattern.since),
            "until": rfc3339(pattern.until),
        },
        "backtest": {"id": str(pattern.backtest_id), "of_action": represent_figures(figures) if figures else None},
        "found_at": rfc3339(pattern.found_at),
    }
