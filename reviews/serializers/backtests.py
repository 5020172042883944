"""Back-tests as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from console.lib.clock import rfc3339
from metrics.comparison import Interval
from reviews.models import Backtest, BacktestCase
from reviews.policy.results import Figures, Group, Results
from reviews.serializers.fields import BoundedObject, StrictSerializer, WholeNumber


class BacktestSerializer(StrictSerializer):
    """POST /api/v1/policies/backtests: one of `version`, `draft` and `policy`, over the requests in [since, until)."""

    version = WholeNumber(min_value=1, max_value=2**31 - 1, required=False, help_text="A version of the policy.")
    draft = serializers.BooleanField(required=False, help_text="The project's draft as it is now.")
    policy = BoundedObject(required=False, help_text="Rules, factors and levels as for POST /api/v1/policies.")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(required=False, help_text="Excluded; now where it is left out.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(bool(attrs.get(name)) for name in ("version", "draft", "policy")) != 1:
            raise serializers.ValidationError({"policy": ["Give one of version, draft and policy."]})
        return attrs


def represent_backtest(row: Backtest, results: Results | None = None) -> dict[str, Any]:
    """A run; with `results` also its figures, as far as they are. Wants `created_by` and `project` at hand."""
    return {
        "id": str(row.pk),
        "url": f"{settings.PUBLIC_URL}/p/{row.project.slug}/policies/backtests/{row.pk}/",
        "status": row.status,
        "policy": {"subject": row.subject, "version": row.number, "digest": row.digest},
        "since": rfc3339(row.since),
        "until": rfc3339(row.until),
        "total": row.total,
        "done": row.done,
        "created_by": row.created_by.display_name if row.created_by else None,
        "created_at": rfc3339(row.created_at),
        "finished_at": rfc3339(row.finished_at) if row.finished_at else None,
        **({"results": _results(results)} if results else {}),
    }


def represent_case(case: BacktestCase) -> dict[str, Any]:
    """A disagreement. Wants `approval` at hand."""
    return {
        "approval_id": str(case.approval_id),
        "requested_at": rfc3339(case.approval.requested_at),
        "kind": case.kind,
        "what": case.what,
        "rule": case.rule,
        "action": case.action,
        "agent": case.agent,
    }


def _results(results: Results) -> dict[str, Any]:
    return {
        **represent_figures(results.total),
        "by_agent": [_group("agent", group) for group in results.agents],
        "by_action": [_group("action", group) for group in results.actions],
    }


def _group(name: str, group: Group) -> dict[str, Any]:
    return {name: None if group.others else group.name, **represent_figures(group.figures)}


def represent_figures(figures: Figures) -> dict[str, Any]:
    """The figures of a group of requests."""
    return {
        "requests": figures.seen,
        "decided_by_people": figures.labelled,
        "not_decided_by_people": figures.unlabelled,
        "would_have_done_with_those": figures.unlabelled_effects,
        "doubtful": figures.doubtful,
        "auto_approved": figures.approved,
        "auto_rejected": figures.rejected,
        "false_approvals": {"by": figures.false_approvals, "share": _interval(figures.false_approval_share)},
        "false_rejections": {"by": figures.false_rejections, "share": _interval(figures.false_rejection_share)},
        "load_saved": {
            "share": _interval(figures.decided_share),
            "reviewer_hours": round(figures.hours_saved, 3),
            "of_reviewer_hours": round(figures.hours, 3),
            "timed_share": figures.timed_share,
        },
    }


def _interval(interval: Interval) -> dict[str, float | None]:
    return interval._asdict()
