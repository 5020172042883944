"""/api/v1/exports: versions of datasets as files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import ClassVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.exceptions import ValidationError
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.api.idempotency import idempotent
from agents.authentication import Caller
from agents.models import Project
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import Problem, next_link, not_valid, page_size
from reviews.access import api_export
from reviews.api.approvals import validated
from reviews.api.datasets import PAGE, version_of
from reviews.api.parsers import ExactJsonParser
from reviews.byte_ranges import ByteRange, Unsatisfiable, asked
from reviews.exporting import FORMATS
from reviews.models import Export, WorkStatus
from reviews.selectors.datasets import exports_page, pieces
from reviews.serializers.datasets import ExportSerializer, represent_export
from reviews.services import exports

NOT_IN_FILE_NAMES = re.compile(r"[^a-zA-Z0-9._-]+")


class AnyRenderer(BaseRenderer):
    """Lets clients in whatever type of file they accept; the file itself is streamed, not rendered."""

    media_type = "*/*"
    format = "file"


class ExportsView(ApiView):
    """Exports of a project."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ, "POST": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {
        "GET": Permission.FEEDBACK_VIEW,
        "POST": Permission.FEEDBACK_EXPORT,
    }
    parser_classes = [ExactJsonParser]

    @extend_schema(operation_id="exports_list", parameters=PAGE, responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Exports, the newest first."""
        size = page_size(request.query_params.get("limit"))
        rows, cursor = exports_page(self.project, cursor=request.query_params.get("cursor"), size=size)
        results = [represent_export(row, address=address_of(request._request, row)) for row in rows]
        return Response({"results": results, "next": next_link(request._request, cursor)})

    @extend_schema(operation_id="exports_create", request=ExportSerializer, responses={201: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Orders a file, which is made in the background: read the export until it is ready, then download it."""
        values = validated(ExportSerializer, request)
        try:
            export = exports.order(
                version=version_of(self.project, values["dataset"], values["version"]),
                by=self.caller,
                format=values["format"],
                split=values.get("split", ""),
                now=clock.now(),
            )
        except ValidationError as error:
            raise not_valid(error) from None
        except exports.TooMany as error:
            raise Problem(409, str(error)) from None
        return Response(represent_export(export, address=address_of(request._request, export)), status=201)


class ExportView(ApiView):
    """One export."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_VIEW}
    export: Export

    def find_project(self, request: Request, caller: Caller | None, **kwargs: str) -> Project:
        method = request.method or ""
        self.export = api_export(
            caller,
            kwargs["export_id"],
            scope=self.scopes.get(method),
            permission=self.permissions.get(method),
        )
        return self.export.project

    @extend_schema(operation_id="exports_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, export_id: str) -> Response:
        """How far an export is, and where its file is."""
        return Response(represent_export(self.export, address=address_of(request._request, self.export)))


class DownloadView(ExportView):
    """The file of an export."""

    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.FEEDBACK_EXPORT}
    renderer_classes = [JSONRenderer, AnyRenderer]

    @extend_schema(
        operation_id="exports_download",
        parameters=[
            OpenApiParameter("Range", str, OpenApiParameter.HEADER),
            OpenApiParameter("If-Range", str, OpenApiParameter.HEADER),
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, export_id: str) -> StreamingHttpResponse:  # type: ignore[override]
        """The file, whole or from where a download was cut off (`Range`). 409 while it is made, 410 when expired."""
        export = self.export
        if export.status == WorkStatus.EXPIRED:
            raise Problem(410, "This file was kept for some days and is gone: export the version again.")
        if export.status != WorkStatus.READY:
            raise Problem(409, f"This file is {export.status}, not ready.")
        part = _part(request._request, export)
        first = part.first if part else 0
        exports.record_download(export=export, by=self.caller, first=first, now=clock.now())
        return _streamed(export, part)


def address_of(request: HttpRequest, export: Export) -> str:
    """Where the file of an export is."""
    return request.build_absolute_uri(reverse("reviews-api:export-download", args=[export.pk]))


def _part(request: HttpRequest, export: Export) -> ByteRange | None:
    """What is asked for; None for the whole file, also where the client began with another file."""
    if request.headers.get("If-Range", _tag(export)) != _tag(export):
        return None
    try:
        return asked(request.headers.get("Range", ""), size=export.size)
    except Unsatisfiable:
        headers = {"Content-Range": f"bytes */{export.size}"}
        raise Problem(416, "The file has no such bytes.", headers=headers) from None


def _streamed(export: Export, part: ByteRange | None) -> StreamingHttpResponse:
    whole = part or ByteRange(0, export.size - 1)
    made = FORMATS[export.format]
    response = StreamingHttpResponse(
        _bytes(export.pk, whole), status=206 if part else 200, content_type=made.media_type
    )
    if part:
        response["Content-Range"] = f"bytes {part.first}-{part.last}/{export.size}"
    response["Content-Length"] = str(whole.last - whole.first + 1)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = _tag(export)
    response["Cache-Control"] = "private, no-store"
    response["Content-Encoding"] = "identity"  # A range is of these bytes: nothing on the way may compress them.
    response["Content-Disposition"] = f'attachment; filename="{_file_name(export)}"'
    return response


async def _bytes(export_id: UUID, part: ByteRange) -> AsyncIterator[bytes]:
    """The bytes of a file, piece by piece; between two pieces no connection is held."""
    number: int | None = None
    while True:
        number, data = await sync_to_async(pieces)(export_id, after=number, first=part.first, last=part.last)
        if not data:
            return
        yield data


def _tag(export: Export) -> str:
    return f'"{export.sha256}"'


def _file_name(export: Export) -> str:
    name = NOT_IN_FILE_NAMES.sub("-", export.version.dataset.name).strip("-.") or "dataset"
    split = f"-{export.split}" if export.split else ""
    kind = "" if export.format == FORMATS[export.format].extension else f".{export.format}"
    return f"{name[:60]}-v{export.version.number}{split}{kind}.{FORMATS[export.format].extension}"
