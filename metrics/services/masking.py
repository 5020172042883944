"""A project's masking: the masker that ingest uses, what people change, and the counts of what was masked."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project, User
from agents.services import audit
from console.lib.sql import load
from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.masking_own import MAX_PATTERNS, OwnPattern, Wrong
from metrics.ingest.masking_rules import KINDS
from metrics.models import MaskingPolicy
from metrics.models.masking import MaskingMode
from metrics.trace_filter import TraceFilter

# So long at most does a process go on masking as before a change.
LIFE_SECONDS = 5.0
MOST_KNOWN = 10_000

_known: dict[int, tuple[float, Plan | None]] = {}


def masker(project_id: int) -> Masker | None:
    """A masker for one batch of a project's telemetry, or None when it masks nothing."""
    known = _known.get(project_id)
    if known is None or time.monotonic() >= known[0]:
        row = MaskingPolicy.objects.filter(pk=project_id).first() or MaskingPolicy(project_id=project_id)
        policy = _policy(row) if row.enabled else None
        plan = known[1] if known is not None else None
        if policy is None or plan is None or plan.policy != policy:
            plan = None if policy is None else Plan(policy)
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[project_id] = (time.monotonic() + LIFE_SECONDS, plan)
    return None if known[1] is None else Masker(known[1])


def masker_of(row: MaskingPolicy) -> Masker:
    """A masker by a stored policy, whether it is enabled or not."""
    return Masker(Plan(_policy(row)))


def stored_id(project_id: int, text: str) -> str:
    """How masked telemetry has the id of somebody or something that is asked for."""
    found = masker(project_id) if text else None
    return text if found is None else found.identifier(text)


def stored_as(project_id: int, chosen: TraceFilter) -> TraceFilter:
    """A filter as masked telemetry meets it: who is asked for by name or address is stored under a pseudonym."""
    found = masker(project_id) if chosen.user or chosen.session else None
    if found is None:
        return chosen
    return replace(chosen, user=found.identifier(chosen.user), session=found.identifier(chosen.session))


def _policy(row: MaskingPolicy) -> Policy:
    return Policy(
        kinds=frozenset(row.kinds),
        patterns=tuple(OwnPattern(one["name"], one["pattern"]) for one in row.patterns),
        pseudonyms=row.mode == MaskingMode.PSEUDONYM,
        key=pseudonym_key(row.project_id),
    )


def pseudonym_key(project_id: int) -> bytes:
    """The key of a project's pseudonyms. It is stored nowhere: a copy of the database alone undoes none of them."""
    return salted_hmac("metrics.masking", str(project_id), algorithm="sha256").digest()


def record(project_id: int, day: date, counts: Mapping[str, int]) -> None:
    """Adds to what was masked on a day (UTC).

    Belongs at the end of the transaction that stores the masked rows: whoever stores for the same project waits for it.
    """
    if not counts:
        return
    kinds = sorted(counts)
    values: dict[str, Any] = {
        "project": project_id,
        "day": day,
        "kinds": kinds,
        "counts": [counts[kind] for kind in kinds],
    }
    with connection.cursor() as cursor:
        cursor.execute(load("metrics", "merge_masked"), values)


@transaction.atomic
def change(
    *,
    project: Project,
    enabled: bool,
    mode: str,
    kinds: Collection[str],
    patterns: Sequence[OwnPattern],
    by: Caller | User,
    now: datetime,
) -> MaskingPolicy:
    """Changes what a project masks in what arrives from now on; other processes follow within LIFE_SECONDS.

    Raises ValidationError by field: `mode`, `kinds`, and `patterns` with the place of the wrong one in the message.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # there may be no policy to lock
    row = MaskingPolicy.objects.filter(project=project).first() or MaskingPolicy(project=project)
    changes: dict[str, Any] = {
        "enabled": enabled,
        "mode": _clean_mode(mode),
        "kinds": _clean_kinds(kinds),
        "patterns": _clean_patterns(patterns),
    }
    detail = audit.differences(row, changes)
    if not detail:
        return row
    for name, value in changes.items():
        setattr(row, name, value)
    row.changed_at = now
    row.changed_by = by if isinstance(by, User) else by.user
    row.save()
    audit.record(
        project=project, by=by, action="masking.change", target=f"project {project.slug}", detail=detail, now=now
    )
    transaction.on_commit(lambda: _known.pop(project.pk, None))
    return row


def _clean_mode(mode: str) -> str:
    if mode not in MaskingMode.values:
        raise ValidationError({"mode": _("Choose redact or pseudonym.")})
    return mode


def _clean_kinds(kinds: Collection[str]) -> list[str]:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValidationError({"kinds": _("There is no kind “%s”.") % unknown[0]})
    return [kind for kind in KINDS if kind in kinds]


def _clean_patterns(patterns: Sequence[OwnPattern]) -> list[dict[str, str]]:
    if len(patterns) > MAX_PATTERNS:
        raise ValidationError({"patterns": _("At most %s patterns.") % MAX_PATTERNS})
    names: set[str] = set()
    for place, pattern in enumerate(patterns, start=1):
        try:
            pattern.check()
            if pattern.name in names:
                raise Wrong("name", str(_("Another pattern has this name.")))
        except Wrong as error:
            message = _("Pattern %(place)s, %(member)s: %(message)s")
            values = {"place": place, "member": error.member, "message": str(error)}
            raise ValidationError({"patterns": message % values}) from error
        names.add(pattern.name)
    return [{"name": pattern.name, "pattern": pattern.pattern} for pattern in patterns]
