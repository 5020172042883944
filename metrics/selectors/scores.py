"""Scores of a trace, and pages of scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from metrics.models import Score
from metrics.score_filter import ScoreFilter

EVERYTHING = ScoreFilter()
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


def of_session(project_id: int, session_id: str, *, most: int) -> list[Score]:
    """The scores of a session as a whole, not of its traces: the newest `most`, oldest first."""
    found = Score.objects.filter(project_id=project_id, session_id=session_id).exclude(session_id="")
    return list(found.filter(trace_id=None).order_by("-id")[:most])[::-1]


def page(project_id: int, chosen: ScoreFilter = EVERYTHING, *, before: int | None = None, limit: int) -> ScorePage:
    """One page of the project's scores, those with ids below `before`."""
    found = _matching(project_id, chosen)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found[: limit + 1])
    return ScorePage(rows[:limit], rows[limit - 1].pk if len(rows) > limit else None)


def numbered(project_id: int, chosen: ScoreFilter, *, page: int, limit: int, most: int) -> tuple[list[Score], int]:
    """A page by its number from 1, and how many scores there are, counted up to `most`."""
    found = _matching(project_id, chosen)
    total = found.values("pk")[:most].count()
    return list(found[(page - 1) * limit : page * limit]), total


def _matching(project_id: int, chosen: ScoreFilter) -> QuerySet[Score]:
    """The scores that pass the filter, newest first."""
    found = Score.objects.filter(project_id=project_id)
    if chosen.trace_id is not None:
        found = found.filter(trace_id=chosen.trace_id)
    if chosen.span_id is not None:
        found = found.filter(span_id=chosen.span_id)
    if chosen.session_id:
        found = found.filter(session_id=chosen.session_id)
    if chosen.names:
        found = found.filter(name__in=chosen.names)
    if chosen.external_ids:
        found = found.filter(external_id__in=chosen.external_ids)
    return found.order_by("-id")


def names(project_id: int, *, most: int = 1_000) -> list[str]:
    """The names that the last `most` scores of the project used, alphabetically: suggestions."""
    recent = Score.objects.filter(project_id=project_id).order_by("-id").values_list("name", flat=True)[:most]
    return sorted(set(recent))[:MOST_NAMES]
