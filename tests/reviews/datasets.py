"""Examples to freeze, and versions and files made of them in the test's own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.authentication import Caller
from agents.models import Project
from console.lib import clock
from reviews.exporting.pieces import unpacked
from reviews.models import Approval, Dataset, DatasetPart, DatasetVersion, Export, ExportPart, FeedbackExample
from reviews.selectors.feedback import START, Position
from reviews.serializers.feedback import line_of
from reviews.services import exports, freezes
from reviews.services.datasets import DatasetDraft, create_dataset, freeze
from reviews.services.decisions import Ruling, decide
from reviews.services.requests import create_request
from reviews.states import Verdict
from tests.reviews.conftest import draft

Decided = Callable[..., Approval]
STEPS = 10_000.0


def decider(project: Project, agent: Caller, reviewer: Caller) -> Decided:
    """What asks and decides at once; fields that no ruling has are of the request."""

    def create(verdict: Verdict = Verdict.APPROVE, *, changed: Any = None, reason: str = "", **fields: Any) -> Approval:
        message, labels = fields.pop("message", ""), fields.pop("labels", ())
        approval = create_request(project=project, by=agent, draft=draft(**fields), now=clock.now())
        ruling = Ruling(verdict=verdict, arguments=changed, reason=reason, message=message, labels=labels)
        decide(approval=approval, by=reviewer, ruling=ruling, now=clock.now())
        return approval

    return create


def written_last(project: Project) -> Position:
    """In place of `settled_end`, for a test that is one open transaction: its own examples count."""
    newest = FeedbackExample.objects.filter(project=project).order_by("-transaction", "-id").first()
    return Position(newest.transaction, newest.pk) if newest else START


def make_dataset(project: Project, by: Caller, **fields: Any) -> Dataset:
    fields.setdefault("name", "Refunds")
    return create_dataset(project=project, by=by, draft=DatasetDraft(**fields), now=clock.now())


def frozen(dataset: Dataset, by: Caller) -> DatasetVersion:
    """The next version, made to its end."""
    version = freeze(dataset=dataset, by=by, now=clock.now())
    freezes.advance(version_id=version.pk, line=line_of, clock=clock.now, seconds=STEPS)
    version.refresh_from_db()
    return version


def lines_of(version: DatasetVersion) -> bytes:
    """All lines of a version."""
    parts = DatasetPart.objects.filter(version=version).order_by("number")
    return b"".join(unpacked(part.data) for part in parts)


def exported(version: DatasetVersion, by: Caller, format: str, split: str = "") -> tuple[Export, bytes]:
    """A file, made to its end, and its bytes."""
    export = exports.order(version=version, by=by, format=format, split=split, now=clock.now())
    exports.advance(export_id=str(export.pk), clock=clock.now, seconds=STEPS)
    export.refresh_from_db()
    return export, file_of(export)


def file_of(export: Export) -> bytes:
    """The bytes of a file as they are stored."""
    pieces = ExportPart.objects.filter(export=export, raw=False).order_by("number")
    return b"".join(unpacked(piece.data) for piece in pieces)
