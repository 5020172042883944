"""The scores that people gave the traces of requests, as examples carry them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from console.lib.clock import rfc3339
from metrics.models import Score
from metrics.models.score import Source
from reviews.models import Approval

SCORES_MAX = 100
"""Of one trace, the newest; a hundred opinions of people are more than anybody reads."""

Scores = list[dict[str, Any]]


def scores_of(approvals: Iterable[Approval]) -> dict[tuple[int, str], Scores]:
    """Human scores of the traces of some requests and of their spans, by project and trace, oldest first. One query,
    none without traces."""
    asked = {(one.project_id, one.trace_id) for one in approvals if one.trace_id}
    if not asked:
        return {}
    rows = Score.objects.filter(
        source=Source.HUMAN,
        project_id__in={project for project, _trace in asked},
        trace_id__in=[bytes.fromhex(trace) for _project, trace in asked],
    )
    found: dict[tuple[int, str], Scores] = defaultdict(list)
    for score in rows.order_by("id"):
        assert score.trace_id is not None
        found[score.project_id, bytes(score.trace_id).hex()].append(_document(score))
    return {key: scores[-SCORES_MAX:] for key, scores in found.items()}


def _document(score: Score) -> dict[str, Any]:
    return {
        "name": score.name,
        "type": score.data_type or None,
        "value": score.value,
        "label": score.label or None,
        "comment": score.comment or None,
        "span_id": bytes(score.span_id).hex() if score.span_id else None,
        "author": {"user": score.author_user_id, "name": score.author},
        "at": rfc3339(score.updated_at),
    }
