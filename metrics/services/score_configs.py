"""Agreeing on what scores of a name look like: made, changed and archived, each with its audit row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from metrics.models import ScoreConfig
from metrics.score_rules import Spec, fitted
from metrics.scoring import Draft, Refused
from metrics.selectors.score_configs import rules

MOST = 200
_FIELDS = ("name", "min_value", "max_value", "categories", "description")


class Misfits(Exception):
    """Some scores are not as the configs of their names have them: per place in the list, why."""

    def __init__(self, refusals: dict[int, Refused]) -> None:
        super().__init__(str(next(iter(refusals.values()))))
        self.refusals = refusals


def fit(project_id: int, drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts as the project's configs have them stored. Raises Misfits. One query."""
    known = rules(project_id, (draft.name for draft in drafts))
    found, refusals = [], {}
    for place, draft in enumerate(drafts):
        try:
            found.append(fitted(draft, known.get(draft.name.lower())))
        except Refused as refusal:
            refusals[place] = refusal
    if refusals:
        raise Misfits(refusals)
    return found


def fit_loosely(project_id: int, drafts: Sequence[Draft]) -> list[Draft]:
    """Like `fit`, for senders that cannot be asked again: what does not fit stays as it came, of no stated type."""
    known = rules(project_id, (draft.name for draft in drafts))
    found = []
    for draft in drafts:
        try:
            found.append(fitted(draft, known.get(draft.name.lower())))
        except Refused:
            found.append(draft)
    return found


@transaction.atomic
def create(*, project: Project, spec: Spec, by: Caller, now: datetime) -> ScoreConfig:
    """Makes a config. Raises Refused, also for a name that another one has."""
    _lock(project.pk)
    _check_room(project.pk)
    config = ScoreConfig(project=project, data_type=spec.data_type, created_at=now, updated_at=now)
    _write(config, spec)
    _record(config, by, "score_config.created", _said(config) | {"data_type": config.data_type}, now)
    return config


@transaction.atomic
def change(*, config: ScoreConfig, spec: Spec, archived: bool, by: Caller, now: datetime) -> ScoreConfig:
    """Changes anything but the type, which scores that were given already have. An archived one binds nobody.

    Raises Refused, also when a name has been given anew meanwhile, and when one is restored and there are enough.
    """
    if not archived:
        _lock(config.project_id)
    locked = ScoreConfig.objects.select_for_update(of=("self",)).select_related("project").get(pk=config.pk)
    if spec.data_type != locked.data_type:
        raise Refused("data_type", "cannot change: archive this config and make another")
    before = _said(locked)
    if before["archived"] and not archived:
        _check_room(locked.project_id)
    locked.updated_at = now
    if archived != before["archived"]:
        locked.archived_at = now if archived else None
    _write(locked, spec)
    after = _said(locked)
    changed = {name: {"from": before[name], "to": after[name]} for name in after if before[name] != after[name]}
    if changed:
        _record(locked, by, "score_config.changed", {"name": locked.name, "changed": changed}, now)
    return locked


def _lock(project_id: int) -> None:
    """Whoever adds one at the same moment must not get past the limit. Projects are locked before their configs."""
    Project.objects.select_for_update(no_key=True).get(pk=project_id)


def _check_room(project_id: int) -> None:
    if ScoreConfig.objects.open().filter(project=project_id).count() >= MOST:
        raise Refused("name", f"there are {MOST} configs: archive one first")


def _write(config: ScoreConfig, spec: Spec) -> None:
    config.name, config.description = spec.name, spec.description
    config.min_value, config.max_value = spec.min_value, spec.max_value
    config.categories = [{"label": one.label, "value": one.value} for one in spec.categories]
    try:
        with transaction.atomic():
            config.save()
    except IntegrityError:
        raise Refused("name", "there is a config of this name") from None


def _said(config: ScoreConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in _FIELDS} | {"archived": config.archived_at is not None}


def _record(config: ScoreConfig, by: Caller, action: str, detail: dict[str, Any], now: datetime) -> None:
    audit.record(
        project=config.project, by=by, action=action, target=f"score config {config.pk}", detail=detail, now=now
    )
