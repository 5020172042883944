"""GET and PUT /api/v1/masking: what a project masks in telemetry before it is stored."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.permissions import Permission, Scope
from console.lib import clock
from console.lib.http import invalid, not_valid
from metrics.ingest.masking_own import OwnPattern
from metrics.models import MaskingPolicy
from metrics.selectors import masking as selector
from metrics.services import masking

EXAMPLE = OpenApiExample(
    "Pseudonyms, and the project's own customer numbers",
    value={
        "enabled": True,
        "mode": "pseudonym",
        "kinds": ["secret", "email", "card", "iban", "national_id", "phone"],
        "patterns": [{"name": "customer", "pattern": "\\bC-[0-9]{6}\\b"}],
    },
)


class MaskingView(ApiView):
    """The project's masking."""

    scopes: ClassVar[dict[str, Scope]] = {"GET": Scope.ADMIN, "PUT": Scope.ADMIN}
    permissions: ClassVar[dict[str, Permission]] = {"GET": Permission.AUDIT_VIEW, "PUT": Permission.PROJECT_MANAGE}

    @extend_schema(
        operation_id="masking_read", summary="What is masked", responses=OpenApiTypes.OBJECT, examples=[EXAMPLE]
    )
    def get(self, request: Request) -> Response:
        return Response(_wire(selector.policy_of(self.project)))

    @extend_schema(
        operation_id="masking_change",
        summary="Change what is masked",
        description="All members are needed. It holds for what arrives from now on, in all processes after 5 seconds.",
        request=OpenApiTypes.OBJECT,
        responses=OpenApiTypes.OBJECT,
        examples=[EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        fields = _fields(request.data)
        try:
            policy = masking.change(project=self.project, **fields, by=self.caller, now=clock.now())
        except ValidationError as error:
            raise not_valid(error) from error
        return Response(_wire(policy))


def _wire(policy: MaskingPolicy) -> dict[str, Any]:
    return {
        "enabled": policy.enabled,
        "mode": policy.mode,
        "kinds": policy.kinds,
        "patterns": policy.patterns,
        "changed_at": clock.rfc3339(policy.changed_at) if policy.changed_at else None,
    }


def _fields(given: Any) -> dict[str, Any]:
    """The members of a body, each of its type. Raises Problem 422 naming the first that is not."""
    if not isinstance(given, dict):
        raise invalid("body", "must be an object")
    kinds, patterns = given.get("kinds"), given.get("patterns")
    if not isinstance(given.get("enabled"), bool):
        raise invalid("enabled", "must be true or false")
    if not isinstance(given.get("mode"), str):
        raise invalid("mode", "must be redact or pseudonym")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise invalid("kinds", "must be a list of kinds")
    if not isinstance(patterns, list):
        raise invalid("patterns", "must be a list")
    own: list[OwnPattern] = []
    for place, one in enumerate(patterns):
        if not isinstance(one, dict) or not all(isinstance(one.get(name), str) for name in ("name", "pattern")):
            raise invalid(f"patterns[{place}]", "must be an object with a name and a pattern")
        own.append(OwnPattern(one["name"], one["pattern"]))
    return {"enabled": given["enabled"], "mode": given["mode"], "kinds": kinds, "patterns": own}
