"""/api/v1/datasets: filters over examples, frozen into versions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, next_link, not_valid, page_size
from reviews.api.approvals import validated
from reviews.api.parsers import ExactJsonParser
from reviews.models import Dataset, DatasetVersion
from reviews.selectors.datasets import datasets_page, versions_page, with_versions
from reviews.serializers.datasets import DatasetSerializer, represent_dataset, represent_version
from reviews.services import datasets, retention

PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("limit", str)]


def dataset_of(project: Project, dataset: int) -> Dataset:
    """A project's dataset, with its versions; Problem 404."""
    known = dataset < 2**63
    found = with_versions(Dataset.objects.filter(project=project, pk=dataset)).first() if known else None
    if found is None:
        raise Problem(404, "There is no such dataset in this project.")
    return found


def version_of(project: Project, dataset: int, number: int) -> DatasetVersion:
    """A version of a project's dataset; Problem 404."""
    rows = DatasetVersion.objects.select_related("dataset")
    known = dataset < 2**63 and number < 2**31
    found = rows.filter(dataset__project=project, dataset=dataset, number=number).first() if known else None
    if found is None:
        raise Problem(404, "There is no such version of a dataset in this project.")
    return found


class DatasetsView(ApiView):
    """Datasets of a project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ, "POST": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.FEEDBACK_VIEW,
        "POST": Permission.FEEDBACK_EXPORT,
    }
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="datasets_list", parameters=PAGE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Datasets, the newest first, each with its newest version."""
        size = page_size(request.query_params.get("limit"))
        rows, cursor = datasets_page(self.project, cursor=request.query_params.get("cursor"), size=size)
        return Response(
            {"results": [represent_dataset(row) for row in rows], "next": next_link(request._request, cursor)}
        )

    @extend_schema(operation_id="datasets_create", request=DatasetSerializer, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Saves a filter as a dataset; versions are made of it by `POST .../versions`."""
        values: dict[str, Any] = validated(DatasetSerializer, request)
        if "mask" in values:
            values["masks"] = values.pop("mask")
        try:
            made = datasets.create_dataset(
                project=self.project, by=self.caller, draft=datasets.DatasetDraft(**values), now=clock.now()
            )
        except ValidationError as error:
            raise not_valid(error) from None
        return Response(represent_dataset(dataset_of(self.project, made.pk)), status=201)


class DatasetView(ApiView):
    """One dataset."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_VIEW}

    @extend_schema(operation_id="datasets_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dataset: int) -> Response:
        """A dataset with its newest version."""
        return Response(represent_dataset(dataset_of(self.project, dataset)))


class VersionsView(ApiView):
    """Versions of a dataset."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ, "POST": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.FEEDBACK_VIEW,
        "POST": Permission.FEEDBACK_EXPORT,
    }
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="dataset_versions_list", parameters=PAGE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dataset: int) -> Response:
        """Versions, the newest first."""
        found = dataset_of(self.project, dataset)
        size = page_size(request.query_params.get("limit"))
        rows, cursor = versions_page(found, cursor=request.query_params.get("cursor"), size=size)
        return Response(
            {"results": [represent_version(row) for row in rows], "next": next_link(request._request, cursor)}
        )

    @extend_schema(operation_id="dataset_versions_freeze", request=None, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, dataset: int) -> Response:
        """Freezes what matches now into the next version, which is made in the background: read it until it is ready.
        409 while another one is being made."""
        try:
            version = datasets.freeze(dataset=dataset_of(self.project, dataset), by=self.caller, now=clock.now())
        except datasets.Busy:
            raise Problem(409, "A version of this dataset is being made already.") from None
        except ValidationError as error:
            raise not_valid(error) from None
        return Response(represent_version(version), status=201)


class VersionView(ApiView):
    """One version of a dataset."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ, "DELETE": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.FEEDBACK_VIEW,
        "DELETE": Permission.POLICY_EDIT,  # Auditors may take a copy, but destroy nothing.
    }

    @extend_schema(operation_id="dataset_versions_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, dataset: int, number: int) -> Response:
        """A version with its card: how many examples, of what, from when, how it was made."""
        return Response(represent_version(version_of(self.project, dataset, number)))

    @extend_schema(operation_id="dataset_versions_forget", responses={200: OpenApiTypes.OBJECT})
    def delete(self, request: Request, dataset: int, number: int) -> Response:
        """Takes the lines and the files of a version back; its card and its hash stay. 409 while it or a file of it is
        being made."""
        version = version_of(self.project, dataset, number)
        try:
            retention.forget_version(version=version, by=self.caller, now=clock.now())
        except retention.Busy:
            raise Problem(409, "This version, or a file of it, is being made.") from None
        return Response(represent_version(version))
