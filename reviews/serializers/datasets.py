"""Datasets, their versions and exports as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from console.lib.clock import rfc3339
from reviews.exporting import FORMATS
from reviews.freezing import SPLITS
from reviews.models import Dataset, DatasetVersion, Export
from reviews.serializers.fields import BoundedObject, StrictSerializer, Text, WholeNumber
from reviews.services.datasets import DESCRIPTION_CHARS, NAME_CHARS

ID_MAX = 2**63 - 1


class DatasetSerializer(StrictSerializer):
    """POST /api/v1/datasets: a filter to save. `shares` are percent of train, validation and test."""

    name = Text(max_length=NAME_CHARS)
    description = Text(max_length=DESCRIPTION_CHARS, required=False, allow_blank=True)
    filters = BoundedObject(required=False)
    shares = BoundedObject(required=False)
    mask = serializers.BooleanField(required=False)


class ExportSerializer(StrictSerializer):
    """POST /api/v1/exports: the version and the format of a file. `split` narrows it to one split."""

    dataset = WholeNumber(min_value=1, max_value=ID_MAX)
    version = WholeNumber(min_value=1, max_value=2**31 - 1)
    format = serializers.ChoiceField(choices=list(FORMATS))
    split = serializers.ChoiceField(choices=["", *SPLITS], required=False)


def represent_dataset(dataset: Dataset) -> dict[str, Any]:
    """A dataset that was read `with_versions`, and the newest of its versions."""
    newest = next(iter(dataset.newest_first), None)  # type: ignore[attr-defined]
    return {
        "id": dataset.pk,
        "name": dataset.name,
        "description": dataset.description,
        "filters": dataset.filters,
        "shares": {name: dataset.shares[name] for name in SPLITS},
        "mask": dataset.masks,
        "created_at": rfc3339(dataset.created_at),
        "newest_version": represent_version(newest) if newest else None,
    }


def represent_version(version: DatasetVersion) -> dict[str, Any]:
    """A version with its card. Its lines are had by exporting it."""
    return {
        "dataset": version.dataset_id,
        "version": version.number,
        "status": version.status,
        "progress": version.percent / 100,
        "examples": version.examples,
        "matching": version.matching,
        "bytes": version.size,
        "content_hash": f"sha256:{version.content_hash}" if version.content_hash else None,
        "filters": version.filters,
        "shares": {name: version.shares[name] for name in SPLITS},
        "masking": version.masking,
        "card": version.card,
        "error": version.error or None,
        "requested_by": version.requested_by_label,
        "requested_at": rfc3339(version.requested_at),
        "finished_at": rfc3339(version.finished_at) if version.finished_at else None,
    }


def represent_export(export: Export, *, address: str) -> dict[str, Any]:
    """An export that has its version at hand; `address` is where the file is, once it is ready."""
    ready = export.status == "ready"
    return {
        "id": str(export.pk),
        "dataset": export.version.dataset_id,
        "version": export.version.number,
        "format": export.format,
        "split": export.split or None,
        "status": export.status,
        "progress": export.percent / 100,
        "rows": export.rows,
        "left_out": export.left_out,
        "bytes": export.size if ready else None,
        "sha256": export.sha256 or None,
        "error": export.error or None,
        "requested_by": export.requested_by_label,
        "requested_at": rfc3339(export.requested_at),
        "finished_at": rfc3339(export.finished_at) if export.finished_at else None,
        "expires_at": rfc3339(export.expires_at) if export.expires_at else None,
        "download": address if ready else None,
    }
