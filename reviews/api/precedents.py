"""/api/v1/approvals/{id}/precedents: what people decided before on requests like one."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.permissions import Permission, Scope
from console.lib.http import invalid, page_size
from reviews.api.approvals import ApprovalVerb
from reviews.selectors.precedents import SHOWN, similar
from reviews.serializers.precedents import precedents_of

LIMIT_MAX = 20


class PrecedentsView(ApprovalVerb):
    """Precedents of one request: people who see it, and keys that may read feedback, for that is what they are."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.FEEDBACK_READ}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.APPROVAL_VIEW}

    @extend_schema(
        operation_id="approvals_precedents",
        parameters=[
            OpenApiParameter("item", str, description="Which action of a batch, from 0."),
            OpenApiParameter("limit", str, description=f"How many to show, 1 to {LIMIT_MAX}; {SHOWN} by default."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, approval_id: str) -> Response:
        """What people decided on similar requests of the project, the most similar first.

        With verdicts, reasons and outcomes, and the share approved of the `similar` ones with its 95 % interval
        (Wilson). Results on related actions, such as refund for process_refund, come last and are not counted; `action`
        says which. `too_few` says that so few show no habit. A request that is decided is compared with what was
        decided before it.
        """
        items = list(self.approval.items.all())
        wanted = request.query_params.get("item") or "0"
        if not wanted.isascii() or not wanted.isdigit() or int(wanted[:9]) >= len(items):
            raise invalid("item", f"must be a whole number from 0 to {len(items) - 1}")
        limit = page_size(request.query_params.get("limit"), default=SHOWN, maximum=LIMIT_MAX)
        item = items[int(wanted)]
        return Response(precedents_of(similar(approval=self.approval, item=item, limit=limit), item=item.index))
