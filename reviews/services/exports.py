"""Versions of datasets as files: ordered by people and programs, made by workers, kept for some days."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import orjson
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from console.lib.queue import enqueue
from reviews.exporting import FORMATS, Format
from reviews.exporting.pieces import PIECE_BYTES, packed, unpacked
from reviews.freezing import SPLITS
from reviews.models import DatasetPart, DatasetVersion, Export, ExportPart, WorkStatus
from reviews.services import work

KEPT_FOR = timedelta(days=7)
OPEN_MAX = 5
"""So many exports of a project are made at the same time."""
STORED_MAX = 20 * 1024**3
"""So many bytes, as they are stored, do the kept files of a project take."""
FILE_MAX = 5 * 1024**3
PIECES_AT_ONCE = 50
EXPIRED_AT_ONCE = 100
LABEL_CHARS = 200


class TooMany(Exception):
    """The project has as many exports on the way, or as many bytes of them, as it may have."""


@transaction.atomic
def order(*, version: DatasetVersion, by: Caller, format: str, split: str, now: datetime) -> Export:
    """Orders a file. Raises ValidationError by field, and TooMany."""
    if format not in FORMATS:
        raise ValidationError({"format": _("must be one of %s") % ", ".join(FORMATS)})
    if split not in {"", *SPLITS}:
        raise ValidationError({"split": _("must be one of %s, or empty for all") % ", ".join(SPLITS)})
    if version.status != WorkStatus.READY:
        raise ValidationError({"version": _("This version is not ready.")})
    project = Project.objects.select_for_update(of=("self",), no_key=True).get(pk=version.dataset.project_id)
    _admit(project)
    export = Export.objects.create(
        project=project,
        version=version,
        format=format,
        split=split,
        requested_by_label=by.label[:LABEL_CHARS],
        requested_at=now,
    )
    detail = {"dataset": version.dataset.name, "version": version.number, "format": format, "split": split}
    audit.record(project=project, by=by, action="export.created", target=f"export {export.pk}", detail=detail, now=now)
    enqueue("reviews.tasks.make_export", export_id=str(export.pk))
    return export


def _admit(project: Project) -> None:
    exports = Export.objects.filter(project=project)
    if exports.filter(status__in=[WorkStatus.QUEUED, WorkStatus.RUNNING]).count() >= OPEN_MAX:
        raise TooMany(_("%d exports of this project are on the way: wait for one of them.") % OPEN_MAX)
    stored = exports.filter(status=WorkStatus.READY).aggregate(total=Sum("stored"))["total"] or 0
    if stored >= STORED_MAX:
        raise TooMany(
            _("The files of this project take %d GiB: the oldest must expire first.") % (STORED_MAX // 1024**3)
        )


def record_download(*, export: Export, by: Caller, first: int, now: datetime) -> None:
    """Notes in the audit log that somebody downloads a file, from byte `first` on.

    Resumed downloads too: all but the first byte of a file is nearly all of it.
    """
    detail = {"format": export.format, "split": export.split, "bytes": export.size, "sha256": export.sha256}
    detail["first_byte"] = first
    audit.record(
        project=export.project, by=by, action="export.downloaded", target=f"export {export.pk}", detail=detail, now=now
    )


def advance(*, export_id: str, clock: work.Clock, seconds: float) -> bool:
    """Makes an export for so long; whether more is to be done. Several workers may try: one of them does it."""
    export = work.take(Export.objects.filter(pk=export_id).select_related("version__dataset", "project"), now=clock())
    if export is None:
        return False
    return work.turn(export, lambda: step(export, clock=clock), clock=clock, seconds=seconds)


def step(export: Export, *, clock: work.Clock) -> bool:
    """Takes the next step and stores it; False when the file is ready."""
    made = FORMATS[export.format]
    if export.parts_read < export.version.parts_count:
        _encode(export, made, clock)
        return True
    if made.assemble is not None:
        _assemble(export, made, clock)
    _finish(export, made, clock)
    return False


def _encode(export: Export, made: Format, clock: work.Clock) -> None:
    """Makes the next part of the version into a piece of the file, or of what the file is put together from."""
    part = DatasetPart.objects.get(version=export.version, number=export.parts_read)
    lines = unpacked(part.data).splitlines()
    if export.split:
        lines = [line for line in lines if orjson.loads(line)["split"] == export.split]
    data, rows = made.encode(lines) if lines else (b"", 0)
    if rows and export.rows:
        data = made.separator + data
    if export.parts_read == 0:
        data = made.head + data
    with transaction.atomic():
        _add(export, data, raw=made.assemble is not None)
        work.keep(
            export,
            now=clock(),
            parts_read=export.parts_read + 1,
            rows_read=export.rows_read + part.rows,
            rows=export.rows + rows,
            left_out=export.left_out + len(lines) - rows,
        )


def _add(export: Export, data: bytes, *, raw: bool = False) -> None:
    """Adds a piece, in the caller's transaction; nothing for no bytes."""
    if not data:
        return
    stored = packed(data)
    number, start = export.parts_made, export.size
    grown = {"parts_made": number + 1, "size": start + len(data), "stored": export.stored + len(stored)}
    if export.stored + len(stored) > FILE_MAX:
        raise work.Impossible(f"The file takes more than {FILE_MAX // 1024**3} GiB: export one split at a time.")
    work.note(export, **grown)
    ExportPart.objects.create(export=export, raw=raw, number=number, start=start, size=len(data), data=stored)


def _assemble(export: Export, made: Format, clock: work.Clock) -> None:
    """Puts the file together. Cut short, it is done again as a whole."""
    assert made.assemble is not None
    raw = export.parts.filter(raw=True).count()
    while ids := list(export.parts.filter(raw=False).values_list("pk", flat=True)[:PIECES_AT_ONCE]):
        ExportPart.objects.filter(pk__in=ids).delete()
    work.note(export, parts_made=0, size=0, stored=0)
    version = export.version
    facts = {
        "handrail.dataset": version.dataset.name,
        "handrail.version": str(version.number),
        "handrail.content_hash": version.content_hash,
        "handrail.split": export.split,
    }
    for data in made.assemble((_piece(export, number, raw=True) for number in range(raw)), facts):
        for start in range(0, len(data), PIECE_BYTES):
            with transaction.atomic():
                _add(export, data[start : start + PIECE_BYTES])
                work.renew(export, now=clock())


def _finish(export: Export, made: Format, clock: work.Clock) -> None:
    """Hashes the file and writes its end."""
    end = (b"" if export.version.parts_count else made.head) + made.tail
    found = hashlib.sha256()
    for number in range(export.parts_made):
        found.update(_piece(export, number))
        if number % PIECES_AT_ONCE == 0:
            work.renew(export, now=clock())
    found.update(end)
    now = clock()
    with transaction.atomic():
        _add(export, end)
        work.finish(export, now=now, sha256=found.hexdigest(), expires_at=now + KEPT_FOR)
    _forget(ExportPart.objects.filter(export=export, raw=True))


def _piece(export: Export, number: int, *, raw: bool = False) -> bytes:
    return unpacked(ExportPart.objects.values_list("data", flat=True).get(export=export, raw=raw, number=number))


def expire_due(*, now: datetime) -> int:
    """Forgets files whose time is over, and what unfinished ones have left; returns how many files expired."""
    due = Export.objects.filter(status=WorkStatus.READY, expires_at__lte=now)
    expired = [
        export
        for export in due.order_by("expires_at")[:EXPIRED_AT_ONCE]
        if Export.objects.filter(pk=export.pk, status=WorkStatus.READY).update(status=WorkStatus.EXPIRED)
    ]
    _forget(ExportPart.objects.filter(export__status__in=[WorkStatus.EXPIRED, WorkStatus.FAILED]))
    _forget(ExportPart.objects.filter(export__status=WorkStatus.READY, raw=True))
    return len(expired)


def _forget(pieces: QuerySet[ExportPart]) -> None:
    while ids := list(pieces.values_list("pk", flat=True)[:PIECES_AT_ONCE]):
        ExportPart.objects.filter(pk__in=ids).delete()
