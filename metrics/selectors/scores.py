"""Scores of a trace, and pages of scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.models import Score

# More than people or evaluators give one trace; the API's list pages through all of them.
MOST_OF_TRACE = 1_000
MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class ScorePage:
    """Scores newest first; `after` is where the next page begins, None on the last."""

    scores: Sequence[Score]
    after: int | None


def of_trace(project_id: int, trace_id: bytes, span_id: bytes | None = None) -> list[Score]:
    """The scores of a trace and of all its spans, or of one span alone, oldest first, at most MOST_OF_TRACE."""
    found = Score.objects.filter(project_id=project_id, trace_id=trace_id)
    if span_id is not None:
        found = found.filter(span_id=span_id)
    return list(found.order_by("id")[:MOST_OF_TRACE])


def page(project_id: int, *, trace_id: bytes | None = None, before: int | None = None, limit: int) -> ScorePage:
    """One page of the project's scores, of one trace when given, those with ids below `before`."""
    found = Score.objects.filter(project_id=project_id)
    if trace_id is not None:
        found = found.filter(trace_id=trace_id)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-id")[: limit + 1])
    return ScorePage(rows[:limit], rows[limit - 1].pk if len(rows) > limit else None)


def names(project_id: int, *, most: int = 1_000) -> list[str]:
    """The names that the last `most` scores of the project used, alphabetically: suggestions."""
    recent = Score.objects.filter(project_id=project_id).order_by("-id").values_list("name", flat=True)[:most]
    return sorted(set(recent))[:MOST_NAMES]
