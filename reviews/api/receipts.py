"""Where executors use receipts up, and where anybody gets the keys to check them with."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.idempotency import idempotent
from console.lib import clock
from console.lib.http import Problem, invalid
from reviews.api.approvals import AgentVerb, validated
from reviews.serializers.receipts import ConsumeSerializer
from reviews.services import receipts, signing_keys

KEYS_MAX_AGE_SECONDS = 300
"""For so long a verifier may keep the key set; a `kid` that it does not know is a reason to ask sooner."""


class ConsumeView(AgentVerb):
    """Where whoever runs an approved action says so first: the receipt is good for one run."""

    @extend_schema(operation_id="approvals_consume", request=ConsumeSerializer, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, approval_id: str) -> Response:
        """Uses the receipt up. 409 when it was used, has expired, or is for other arguments; `refusal` says which."""
        values = validated(ConsumeSerializer, request)
        try:
            result = receipts.consume(
                approval=self.approval,
                by=self.caller,
                arguments_hash=values["arguments_hash"],
                item=values.get("item"),
                token=values.get("receipt"),
                now=clock.now(),
            )
        except receipts.ItemNotNamed as error:
            raise invalid("item", str(error)) from None
        except receipts.NotConsumable as error:
            raise refused(error.refusal, str(error)) from None
        if isinstance(result, receipts.AlreadyConsumed):
            raise refused("consumed", result.sentence, consumed_by=result.by, consumed_at=clock.rfc3339(result.at))
        return self.answer(None)


def refused(refusal: str, sentence: str, **extra: Any) -> Problem:
    """The 409 that says why nothing may run."""
    return Problem(409, sentence, title="Not to be run", extra={"refusal": refusal, **extra})


@login_not_required
@require_safe
def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys of receipts, for whoever checks one without asking us."""
    response = JsonResponse(signing_keys.published(now=clock.now()), content_type="application/jwk-set+json")
    response["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_SECONDS}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
