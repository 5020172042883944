"""Reads of datasets and exports, and of the examples that a version is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThanOrEqual

from agents.models import Project
from console.lib.http import Problem, decode_cursor, encode_cursor
from reviews.exporting.pieces import unpacked
from reviews.freezing import ExampleFilter
from reviews.models import Dataset, DatasetCandidate, DatasetVersion, Export, ExportPart, FeedbackExample
from reviews.selectors.feedback import FeedbackFilter, Position

EXAMPLES_AT_ONCE = 50
"""An example may be half a megabyte: so many are in memory at a time."""


class Asked(NamedTuple):
    """What one example that matches was asked, and where it stands."""

    transaction: int
    row: int
    verdict: str
    action: str
    arguments: Any
    context: Any


def matching(project_id: int, *, filters: ExampleFilter, after: Position, end: Position, size: int) -> list[Asked]:
    """The next examples of a filter after a position: decided ones, each in its newest revision up to `end`."""
    place = Tuple("transaction", "id")
    rows = FeedbackExample.objects.filter(TupleGreaterThan(place, after), _up_to(end), project=project_id)
    newer = FeedbackExample.objects.filter(_up_to(end), item=OuterRef("item"), revision__gt=OuterRef("revision"))
    wanted = FeedbackFilter(
        action=filters.action,
        agent=filters.agent,
        verdict=filters.verdict,
        label=filters.label,
        outcome=filters.outcome,
    )
    rows = wanted.applied(rows).filter(~Exists(newer))
    if (since := filters.moment("since")) is not None:
        rows = rows.filter(decision__decided_at__gte=since)
    if (until := filters.moment("until")) is not None:
        rows = rows.filter(decision__decided_at__lt=until)
    columns = ("transaction", "id", "verdict", "action", "item__arguments", "approval__context")
    return [Asked(*values) for values in rows.order_by("transaction", "id").values_list(*columns)[:size]]


def _up_to(end: Position) -> TupleLessThanOrEqual:
    # Compared as rows, which PostgreSQL finds in the index however many examples one transaction has written.
    return TupleLessThanOrEqual(Tuple("transaction", "id"), end)


def chosen(
    version: DatasetVersion, *, after: Position, size: int
) -> Iterator[tuple[DatasetCandidate, FeedbackExample]]:
    """The next candidates of a version after a position, with their examples; a few in memory at a time."""
    behind = TupleGreaterThan(Tuple("transaction", "example"), after)
    rows = DatasetCandidate.objects.filter(behind, version=version)
    candidates = list(rows.order_by("transaction", "example")[:size])
    for start in range(0, len(candidates), EXAMPLES_AT_ONCE):
        few = candidates[start : start + EXAMPLES_AT_ONCE]
        found = FeedbackExample.objects.with_parts().in_bulk([candidate.example for candidate in few])
        for candidate in few:
            yield candidate, found[candidate.example]


def datasets_page(project: Project, *, cursor: str | None, size: int) -> tuple[list[Dataset], str | None]:
    """One page of a project's datasets with their versions, the newest dataset first."""
    return _page(with_versions(Dataset.objects.filter(project=project)), cursor, size)


def with_versions(rows: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """With everything that is shown of datasets; of their versions the newest first."""
    newest = DatasetVersion.objects.order_by("-number")
    return rows.select_related("project").prefetch_related(Prefetch("versions", newest, to_attr="newest_first"))


def versions_page(dataset: Dataset, *, cursor: str | None, size: int) -> tuple[list[DatasetVersion], str | None]:
    """One page of a dataset's versions, the newest first."""
    return _page(DatasetVersion.objects.filter(dataset=dataset), cursor, size)


def exports_page(
    project: Project, *, version: DatasetVersion | None = None, cursor: str | None, size: int
) -> tuple[list[Export], str | None]:
    """One page of a project's exports, or of a version's, the newest first."""
    rows = Export.objects.filter(project=project).select_related("version__dataset")
    if version is not None:
        rows = rows.filter(version=version)
    return _page(rows, cursor, size)


def _page(rows: QuerySet[Any], cursor: str | None, size: int) -> tuple[list[Any], str | None]:
    if cursor:
        rows = rows.filter(pk__lt=_key(rows, cursor))
    found = list(rows.order_by("-pk")[: size + 1])
    more = len(found) > size
    return found[:size], encode_cursor([str(found[size - 1].pk)]) if more else None


def _key(rows: QuerySet[Any], cursor: str) -> Any:
    text = decode_cursor(cursor, length=1)[0]
    try:
        return UUID(text) if rows.model is Export else int(text)
    except (TypeError, ValueError, AttributeError):
        raise Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]}) from None


def pieces(export_id: UUID, *, after: int | None, first: int, last: int) -> tuple[int, bytes]:
    """The next piece of a file behind the piece `after`, cut to the bytes from `first` to `last`, and its number.

    No bytes when there are no more. Without `after` it is the piece that has the first byte.
    """
    rows = ExportPart.objects.filter(export=export_id, raw=False, start__lte=last)
    if after is None:
        piece = rows.filter(start__lte=first).order_by("-number").first()
    else:
        piece = rows.filter(number=after + 1).first()
    if piece is None:
        return 0, b""
    data = unpacked(piece.data)
    return piece.number, data[max(first - piece.start, 0) : last - piece.start + 1]
