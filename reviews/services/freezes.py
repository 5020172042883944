"""Versions of datasets are made here, step by step: collect what matches, write it as lines, hash the lines.

Each step is one short transaction, for a long one would hold readers of feedback back (`reviews.selectors.feedback`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from metrics.ingest.limits import Refused
from metrics.ingest.masking import Masker
from metrics.models import MaskingPolicy
from metrics.services.masking import masker_of
from reviews.canonical import canonical_line
from reviews.exporting.pieces import PIECE_BYTES, packed, unpacked
from reviews.freezing import MASKED, ExampleFilter, Tally, key_of, split_of
from reviews.models import DatasetCandidate, DatasetPart, DatasetVersion, FeedbackExample, WorkStatus
from reviews.selectors.datasets import Asked, chosen, matching
from reviews.selectors.feedback import START, Position
from reviews.services import work

COLLECT_ROWS = 200
PART_ROWS = 500
ROWS_MAX = 5_000_000
BYTES_MAX = 20 * 1024**3
HASHED_PARTS = 50
CLEARED_ROWS = 20_000

Line = Callable[[FeedbackExample], dict[str, Any]]
"""How an example is written: what serializes it lies above services."""

UPSERT = """
    INSERT INTO reviews_datasetcandidate AS kept
           (version_id, key, transaction, example, verdict, copies, contested)
    SELECT %(version)s, sent.* FROM unnest(%(keys)s::bytea[], %(transactions)s::bigint[], %(rows)s::bigint[],
           %(verdicts)s::text[], %(copies)s::int[], %(contested)s::bool[])
           AS sent (key, transaction, example, verdict, copies, contested)
    ON CONFLICT (version_id, key) DO UPDATE
       SET transaction = EXCLUDED.transaction,
           example = EXCLUDED.example,
           verdict = EXCLUDED.verdict,
           copies = kept.copies + EXCLUDED.copies,
           contested = kept.contested OR EXCLUDED.contested OR kept.verdict <> EXCLUDED.verdict
    RETURNING (xmax = 0)
"""


def advance(*, version_id: int, line: Line, clock: work.Clock, seconds: float) -> bool:
    """Makes a version for so long; whether more is to be done. Several workers may try: one of them does it."""
    version = work.take(DatasetVersion.objects.filter(pk=version_id).select_related("dataset__project"), now=clock())
    if version is None:
        return False
    return work.turn(version, lambda: step(version, line=line, clock=clock), clock=clock, seconds=seconds)


def step(version: DatasetVersion, *, line: Line, clock: work.Clock) -> bool:
    """Takes the next step and stores it; False when the version is ready."""
    if not version.collected:
        _collect(version, clock)
    elif not _write(version, line, clock):
        _finish(version, clock)
        return False
    return True


def _collect(version: DatasetVersion, clock: work.Clock) -> None:
    """Notes who stands for the next examples that match: of those that ask the same, the newest."""
    rows = matching(
        version.dataset.project_id,
        filters=ExampleFilter.read(version.filters),
        after=Position(version.seen_transaction, version.seen_row),
        end=Position(version.end_transaction, version.end_row),
        size=COLLECT_ROWS,
    )
    candidates: dict[bytes, DatasetCandidate] = {}
    for row in rows:
        _count(candidates, version, row)
    changes: dict[str, Any] = {"seen_transaction": START.transaction, "seen_row": START.row, "collected": True}
    if rows:
        changes = {"seen_transaction": rows[-1].transaction, "seen_row": rows[-1].row}
    with transaction.atomic():
        changes["distinct"] = version.distinct + _stored(version, list(candidates.values()))
        if changes["distinct"] > ROWS_MAX:
            raise work.Impossible(f"More than {ROWS_MAX:,} examples match: choose a shorter period.")
        work.keep(version, now=clock(), matching=version.matching + len(rows), **changes)


def _count(candidates: dict[bytes, DatasetCandidate], version: DatasetVersion, row: Asked) -> None:
    key = key_of(action=row.action, arguments=row.arguments, context=row.context)
    before = candidates.get(key)
    candidates[key] = DatasetCandidate(
        version=version,
        key=key,
        transaction=row.transaction,
        example=row.row,
        verdict=row.verdict,
        copies=before.copies + 1 if before else 1,
        contested=bool(before and (before.contested or before.verdict != row.verdict)),
    )


def _stored(version: DatasetVersion, candidates: list[DatasetCandidate]) -> int:
    """Keeps candidates beside those of earlier steps; how many ask what none of them asked."""
    if not candidates:
        return 0
    # In one order always, so that two workers after a lease ran out cannot wait for each other.
    candidates.sort(key=lambda candidate: bytes(candidate.key))
    values: dict[str, Any] = {
        "version": version.pk,
        "keys": [candidate.key for candidate in candidates],
        "transactions": [candidate.transaction for candidate in candidates],
        "rows": [candidate.example for candidate in candidates],
        "verdicts": [candidate.verdict for candidate in candidates],
        "copies": [candidate.copies for candidate in candidates],
        "contested": [candidate.contested for candidate in candidates],
    }
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, values)
        return sum(new for (new,) in cursor.fetchall())


def _write(version: DatasetVersion, line: Line, clock: work.Clock) -> bool:
    """Writes the next part; False when there is nothing more to write."""
    tally, lines, size, last = Tally(version.card), [], 0, None
    masked = _Masking(version)
    for candidate, example in chosen(
        version, after=Position(version.seen_transaction, version.seen_row), size=PART_ROWS
    ):
        last = candidate
        frozen = masked(_frozen(version, candidate, line(example)), tally)
        if frozen is None:
            continue
        tally.add(frozen)
        lines.append(canonical_line(frozen) + b"\n")
        size += len(lines[-1])
        if size >= PIECE_BYTES:
            break
    if last is None:
        return False
    if version.size + size > BYTES_MAX:
        raise work.Impossible(f"The lines take more than {BYTES_MAX // 1024**3} GiB: choose a shorter period.")
    with transaction.atomic():
        work.keep(
            version,
            now=clock(),
            seen_transaction=last.transaction,
            seen_row=last.example,
            examples=version.examples + len(lines),
            parts_count=version.parts_count + 1,
            size=version.size + size,
            card=tally.document(),
        )
        DatasetPart.objects.create(
            version=version, number=version.parts_count - 1, rows=len(lines), data=packed(b"".join(lines))
        )
    return True


def _frozen(version: DatasetVersion, candidate: DatasetCandidate, line: dict[str, Any]) -> dict[str, Any]:
    """The line of an example as it is in the dataset: no place in the stream, but one in a split."""
    split = split_of(session=line["session_id"] or "", approval=line["approval_id"], shares=version.shares)
    kept = {name: value for name, value in line.items() if name != "cursor"}
    return {**kept, "split": split, "copies": candidate.copies, "contested": candidate.contested}


class _Masking:
    """Masks lines by the policy that the version keeps."""

    def __init__(self, version: DatasetVersion) -> None:
        chosen = version.masking
        self._policy = MaskingPolicy(project_id=version.dataset.project_id, **chosen) if chosen else None
        self._masker = masker_of(self._policy) if self._policy else None

    def __call__(self, line: dict[str, Any], tally: Tally) -> dict[str, Any] | None:
        """The line masked; None for one with so much to mask that it cannot be done in bounded time."""
        if self._policy is None or self._masker is None:
            return line
        try:
            return self._masked(line, self._masker, tally)
        except Refused:
            self._masker = masker_of(self._policy)  # The allowance is for many lines: this one gets its own.
        try:
            return self._masked(line, self._masker, tally)
        except Refused:
            self._masker = masker_of(self._policy)
            tally.unmaskable += 1
            return None

    @staticmethod
    def _masked(line: dict[str, Any], masker: Masker, tally: Tally) -> dict[str, Any]:
        before = masker.counts.copy()
        masked = {name: masker.value(value) if name in MASKED else value for name, value in line.items()}
        if line["session_id"]:
            masked["session_id"] = masker.identifier(line["session_id"])
        tally.masked += masker.counts - before
        return masked


def _finish(version: DatasetVersion, clock: work.Clock) -> None:
    """Hashes all lines and forgets the candidates. Cut short, it is done again as a whole."""
    found = hashlib.sha256()
    for number in range(version.parts_count):
        found.update(unpacked(DatasetPart.objects.values_list("data", flat=True).get(version=version, number=number)))
        if number % HASHED_PARTS == 0:
            work.renew(version, now=clock())
    clear_candidates(version)
    now = clock()
    work.finish(version, now=now, content_hash=found.hexdigest(), card=Tally(version.card).document())


def clear_candidates(version: DatasetVersion) -> None:
    """Deletes what was only needed while the version was made."""
    rows = DatasetCandidate.objects.filter(version=version)
    while ids := list(rows.values_list("pk", flat=True)[:CLEARED_ROWS]):
        DatasetCandidate.objects.filter(pk__in=ids).delete()


def clear_failed() -> None:
    """Deletes what versions that cannot be made have left."""
    for version in DatasetVersion.objects.filter(status=WorkStatus.FAILED):
        clear_candidates(version)
