"""Datasets are defined here, and versions of them ordered. Workers make them: `reviews.services.freezes`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from console.lib.queue import enqueue
from metrics.models import MaskingPolicy
from reviews.freezing import SPLITS, ExampleFilter, Wrong, checked_shares
from reviews.models import Dataset, DatasetVersion, WorkStatus
from reviews.selectors.feedback import START, settled_end

NAME_CHARS = 100
DESCRIPTION_CHARS = 500
DATASETS_MAX = 200
VERSIONS_MAX = 100
SHARES = {"train": 80, "validation": 10, "test": 10}
LABEL_CHARS = 200


class Busy(Exception):
    """A version of the dataset is being made already."""


@dataclass(frozen=True)
class DatasetDraft:
    """What somebody wants a dataset to be. `filters` is what `ExampleFilter.read` takes, `shares` are percent."""

    name: str
    description: str = ""
    filters: Mapping[str, Any] = field(default_factory=dict)
    shares: Mapping[str, Any] = field(default_factory=lambda: dict(SHARES))
    masks: bool = True


@transaction.atomic
def create_dataset(*, project: Project, by: Caller, draft: DatasetDraft, now: datetime) -> Dataset:
    """Saves a filter as a dataset, without any version. Raises ValidationError by field."""
    try:
        filters, shares = ExampleFilter.read(draft.filters).document(), checked_shares(draft.shares)
    except Wrong as wrong:
        raise ValidationError({wrong.field: str(wrong)}) from None
    name = draft.name.strip()
    if not name or len(name) > NAME_CHARS or "\x00" in name:
        raise ValidationError({"name": _("must be text of 1 to %d characters") % NAME_CHARS})
    if len(draft.description) > DESCRIPTION_CHARS or "\x00" in draft.description:
        raise ValidationError({"description": _("must be text of at most %d characters") % DESCRIPTION_CHARS})
    if Dataset.objects.filter(project=project).count() >= DATASETS_MAX:
        raise ValidationError({"name": _("A project has at most %d datasets.") % DATASETS_MAX})
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(
                project=project,
                name=name,
                description=draft.description.strip(),
                filters=filters,
                shares=shares,
                masks=draft.masks,
                created_by=by.user,
                created_at=now,
            )
    except IntegrityError:
        raise ValidationError({"name": _("There is a dataset of this name already.")}) from None
    detail = {"name": name, "filters": filters, "shares": shares, "masks": draft.masks}
    audit.record(
        project=project, by=by, action="dataset.created", target=f"dataset {dataset.pk}", detail=detail, now=now
    )
    return dataset


@transaction.atomic
def freeze(*, dataset: Dataset, by: Caller, now: datetime) -> DatasetVersion:
    """Orders the next version: of what matches now. Raises Busy while one is being made, or ValidationError."""
    locked = Dataset.objects.select_for_update(of=("self",)).select_related("project").get(pk=dataset.pk)
    newest = DatasetVersion.objects.filter(dataset=locked).order_by("-number").first()
    if newest is not None and newest.is_open:
        raise Busy
    number = newest.number + 1 if newest else 1
    if number > VERSIONS_MAX:
        raise ValidationError(_("A dataset has at most %d versions: make another dataset.") % VERSIONS_MAX)
    end = settled_end(locked.project)
    version = DatasetVersion.objects.create(
        dataset=locked,
        number=number,
        filters=locked.filters,
        shares={name: locked.shares[name] for name in SPLITS},
        masking=_masking(locked.project) if locked.masks else None,
        end_transaction=end.transaction,
        end_row=end.row,
        seen_transaction=START.transaction,
        seen_row=START.row,
        status=WorkStatus.QUEUED,
        requested_by_label=by.label[:LABEL_CHARS],
        requested_at=now,
    )
    detail = {"name": locked.name, "version": number, "filters": locked.filters}
    audit.record(
        project=locked.project, by=by, action="dataset.frozen", target=f"dataset {locked.pk}", detail=detail, now=now
    )
    enqueue("reviews.tasks.freeze_dataset", version_id=version.pk)
    return version


def _masking(project: Project) -> dict[str, Any]:
    """The project's masking as it is now. A dataset that masks does so also where telemetry is not masked."""
    row = MaskingPolicy.objects.filter(pk=project.pk).first() or MaskingPolicy(project_id=project.pk)
    return {"kinds": list(row.kinds), "mode": str(row.mode), "patterns": list(row.patterns)}
