"""Scores: what people, evaluators and imports think of traces and spans."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from agents.authentication import Caller
from agents.models import Project, User
from agents.services import audit
from console.lib import live
from metrics.ingest.masking import Masker
from metrics.ingest.packing import Unreadable, unpack
from metrics.ingest.reading import plain
from metrics.ingest.rows import LogRow
from metrics.models.score import Score, Source
from metrics.scoring import COMMENT_CHARS, LABEL_CHARS, NAME_CHARS, Draft, Refused, cut
from metrics.services import masking, score_configs

EVALUATION_EVENT = "gen_ai.evaluation.result"
_CORRECTED = [
    "trace_id", "span_id", "session_id", "name", "data_type", "value", "label", "comment", "source", "author_user",
    "author", "metadata", "updated_at",
]  # fmt: skip
AUTHOR_CHARS = 200
NOT_YOURS = "id"
FROM_KEYS = {Source.SDK, Source.EVALUATION, Source.END_USER}
# Class of PostgreSQL's two-part advisory locks: whoever writes scores of a project by external ids takes turns, so that
# what is known of an id is still so when it is written.
LOCK = 0x48525343


class NotYours(Exception):
    """The score was given by somebody else."""


@transaction.atomic
def record(
    *, project: Project, drafts: Sequence[Draft], source: Source, by: Caller | User, now: datetime
) -> list[Score]:
    """Stores scores; one whose external id is known already corrects the earlier one. Raises NotYours for another's,
    and Misfits for those that the project's configs do not let pass.

    What a person does is audited; `source` of a person is always `human`.
    """
    caller = Caller(user=by) if isinstance(by, User) else by
    drafts = score_configs.fit(project.pk, drafts)
    source = Source.HUMAN if caller.user else source
    known = _known(project.pk, drafts)
    if any(not _may_change(score, caller) for score in known.values()):
        raise NotYours
    author = caller.user.display_name if caller.user else caller.label
    saved = _save(project.pk, drafts, source, author, now, person=caller.user)
    for score in saved:
        if earlier := known.get(score.external_id):
            score.created_at = earlier.created_at
    if caller.user:
        for score in saved:
            action = "score.change" if score.external_id in known else "score.create"
            audit.record(project=project, by=caller, action=action, target=_target(score), detail=_said(score), now=now)
    return saved


@transaction.atomic
def record_what_fits(
    *, project: Project, drafts: Sequence[Draft], source: Source, by: Caller, now: datetime
) -> tuple[list[Score], dict[int, Refused]]:
    """Like `record`, but what is refused does not keep the others from being stored: per place, why it was not.

    The field of a refusal is NOT_YOURS where somebody else gave a score with this id.
    """
    refused: dict[int, Refused] = {}
    try:
        score_configs.fit(project.pk, drafts)
    except score_configs.Misfits as misfits:
        refused |= misfits.refusals
    known = _known(project.pk, drafts)
    for place, draft in enumerate(drafts):
        if (earlier := known.get(draft.external_id)) and not _may_change(earlier, by):
            refused[place] = Refused(NOT_YOURS, "somebody else gave the score with this id")
    fine = [draft for place, draft in enumerate(drafts) if place not in refused]
    return (record(project=project, drafts=fine, source=source, by=by, now=now) if fine else []), refused


@transaction.atomic
def import_labels(*, project_id: int, drafts: Sequence[Draft], author: str, now: datetime) -> int:
    """Stores scores from a file, each with an external id, and returns how many were new."""
    drafts = score_configs.fit_loosely(project_id, drafts)
    known = len(_known(project_id, drafts))
    saved = _save(project_id, drafts, Source.IMPORT, author, now)
    return len(saved) - known


@transaction.atomic
def change(*, score: Score, name: str, value: float | None, label: str, comment: str, by: User, now: datetime) -> Score:
    """Corrects a person's own score. Raises NotYours, and Misfits."""
    locked = Score.objects.select_for_update().get(pk=score.pk)
    if not _may_change(locked, Caller(user=by)):
        raise NotYours
    before = _said(locked)
    draft = Draft(trace_id=None, name=name, value=value, label=label)
    (fitting,) = score_configs.fit(locked.project_id, [draft])
    name, value, label, locked.data_type = fitting.name, fitting.value, fitting.label, fitting.data_type
    if masker := masking.masker(locked.project_id):
        label, comment = masker.text(label)[:LABEL_CHARS], masker.text(comment)
    locked.name, locked.value, locked.label, locked.comment, locked.updated_at = name, value, label, comment, now
    after = _said(locked)
    if after == before:
        return locked
    locked.save(update_fields=["name", "data_type", "value", "label", "comment", "updated_at"])
    detail = {key: {"from": before[key], "to": after[key]} for key in after if before[key] != after[key]}
    audit.record(project=locked.project, by=by, action="score.change", target=_target(locked), detail=detail, now=now)
    return locked


@transaction.atomic
def remove(*, score: Score, by: Caller | User, now: datetime) -> None:
    """Takes a score back: people their own, keys what keys have sent. Raises NotYours."""
    caller = Caller(user=by) if isinstance(by, User) else by
    if not _may_change(score, caller):
        raise NotYours
    project, target, said = score.project, _target(score), _said(score)
    gone, _tables = Score.objects.filter(pk=score.pk).delete()
    if gone and caller.user:
        audit.record(project=project, by=caller, action="score.remove", target=target, detail=said, now=now)


def from_logs(project_id: int, rows: Iterable[LogRow], now: datetime) -> int:
    """Turns log records of evaluations into scores and returns how many; must run in the transaction of the logs.

    The events are those of OpenTelemetry's `gen_ai.evaluation.result`. A record that is sent again corrects its score.
    """
    drafts = [
        draft
        for row in rows
        if row.event_name == EVALUATION_EVENT and row.trace_id and (draft := _evaluation(row)) is not None
    ]
    if not drafts:
        return 0
    return len(_save(project_id, score_configs.fit_loosely(project_id, drafts), Source.EVALUATION, "", now))


def _evaluation(row: LogRow) -> Draft | None:
    """What the evaluation in a log record says, None when it says nothing."""
    try:
        attributes = unpack(row.detail).get("attributes") or {}
    except Unreadable:
        return None
    name = cut(plain(attributes.get("gen_ai.evaluation.name")), NAME_CHARS)
    value = attributes.get("gen_ai.evaluation.score.value")
    score = float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    label = cut(plain(attributes.get("gen_ai.evaluation.score.label")), LABEL_CHARS)
    assert row.trace_id is not None
    if not name or (score is None and not label):
        return None
    return Draft(
        trace_id=row.trace_id,
        span_id=row.span_id,
        name=name,
        value=score,
        label=label,
        comment=cut(plain(attributes.get("gen_ai.evaluation.explanation")), COMMENT_CHARS),
        external_id=f"log:{row.id.hex()}",
    )


def _save(
    project_id: int,
    drafts: Sequence[Draft],
    source: Source,
    author: str,
    now: datetime,
    person: User | None = None,
) -> list[Score]:
    """The rows, in the order of the drafts; of drafts with one external id the last one counts."""
    masker = masking.masker(project_id)
    drafts = [_masked(draft, masker) for draft in drafts] if masker else drafts
    last = {draft.external_id: draft for draft in drafts if draft.external_id}
    fresh = [draft for draft in drafts if not draft.external_id or last[draft.external_id] is draft]
    rows = [_row(project_id, draft, source, author[:AUTHOR_CHARS], now, person) for draft in fresh]
    # In one order everywhere, so that two senders of the same scores cannot block each other.
    ordered = sorted(rows, key=lambda row: row.external_id or "")
    Score.objects.bulk_create(
        ordered, update_conflicts=True, unique_fields=["project", "external_id"], update_fields=_CORRECTED
    )
    if masker and masker.counts:
        masking.record(project_id, now.date(), masker.counts)
    if rows:
        live.publish(live.project_group(project_id, "metrics"), scores=len(rows))
    return rows


def _row(project_id: int, draft: Draft, source: Source, author: str, now: datetime, person: User | None) -> Score:
    return Score(
        project_id=project_id,
        trace_id=draft.trace_id,
        span_id=draft.span_id,
        session_id=draft.session_id,
        name=draft.name,
        data_type=draft.data_type,
        value=draft.value,
        label=draft.label,
        comment=draft.comment,
        source=source,
        author_user=person,
        author=author,
        external_id=draft.external_id,
        metadata=dict(draft.metadata),
        created_at=now,
        updated_at=now,
    )


def _masked(draft: Draft, masker: Masker) -> Draft:
    """The draft as the project's policy lets it be stored: people quote what agents and users said."""
    return replace(
        draft,
        label=masker.text(draft.label)[:LABEL_CHARS],
        comment=masker.text(draft.comment),
        metadata={name: masker.value(value) for name, value in draft.metadata.items()},
    )


def _known(project_id: int, drafts: Iterable[Draft]) -> dict[str | None, Score]:
    """Stored scores with the external ids of drafts. Until the transaction ends, nobody else writes any by id."""
    ids = [draft.external_id for draft in drafts if draft.external_id]
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, project_id % 2**31])
    found = Score.objects.select_for_update().filter(project_id=project_id, external_id__in=ids).order_by("pk")
    return {score.external_id: score for score in found}


def _may_change(score: Score, caller: Caller) -> bool:
    """People change what they gave themselves, keys what keys have sent."""
    if caller.user:
        return score.author_user_id == caller.user.pk
    return score.source in FROM_KEYS and score.author_user_id is None


def _target(score: Score) -> str:
    if score.trace_id is None:
        return f"score {score.pk} of session {score.session_id}"
    of_span = f" span {bytes(score.span_id).hex()}" if score.span_id else ""
    return f"score {score.pk} of trace {bytes(score.trace_id).hex()}{of_span}"


def _said(score: Score) -> dict[str, Any]:
    return {"name": score.name, "value": score.value, "label": score.label, "comment": score.comment}
