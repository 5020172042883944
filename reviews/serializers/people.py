"""Whom a request waits for, in and out: claims and assignments."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from console.lib.clock import rfc3339
from reviews.models import Approval
from reviews.serializers.fields import StrictSerializer, Text


class ClaimSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/claim."""

    take_over = serializers.BooleanField(required=False)


class AssignSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/assign: an e-mail address, a team, or both. An empty text takes it from them."""

    user = Text(max_length=254, required=False, allow_blank=True)
    team = Text(max_length=100, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"user": [_("name a user or a team")]})
        return attrs


def people_of(approval: Approval) -> dict[str, Any]:
    """What of a request's JSON object is about people. A claim is void from its `until` on, and in what is closed."""
    claim = None
    if approval.is_waiting and approval.claimed_by is not None and approval.claimed_until is not None:
        claim = {"by": approval.claimed_by.display_name, "until": rfc3339(approval.claimed_until)}
    step = approval.next_step_at
    return {
        "team": approval.routed_to.slug if approval.routed_to else approval.team or None,
        "assigned_to": approval.assigned_to.display_name if approval.assigned_to else None,
        "claim": claim,
        "escalation": {"step": approval.escalation_step, "next_at": rfc3339(step) if step else None},
    }
