"""Bodies that come in: a request for approval, a verdict, an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from console.lib import outbound
from console.lib.addresses import Refused
from reviews import states
from reviews.json_schema import schema_problem
from reviews.models.approval import PRIORITIES
from reviews.serializers.fields import BoundedObject, Number, StrictSerializer, Text, TextList, WholeNumber
from reviews.services.decisions import Ruling
from reviews.services.outcomes import OUTCOMES
from reviews.services.requests import ALL_DECISIONS, TIMEOUT_MAX, TIMEOUT_MIN, ItemDraft, RequestDraft

METADATA_BYTES_MAX = 65_536
DESCRIPTION_CHARS_MAX = 50_000
LIST_MAX = 50
ACTIONS_MAX = 50
BULK_MAX = 100
ITEM_FIELDS = ("action", "arguments", "arguments_schema", "allowed_decisions")


class AgentField(StrictSerializer):
    """Which agent asks: {"name", "version"}, or its name alone."""

    name = Text(max_length=200)
    version = Text(max_length=100, required=False, allow_blank=True)

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value({"name": data} if isinstance(data, str) else data)


class SchemaField(BoundedObject):
    """A JSON Schema that can be applied here."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        schema = super().to_internal_value(data)
        problem = schema_problem(schema)
        if problem:
            raise serializers.ValidationError(problem)
        return schema


class ItemSerializer(StrictSerializer):
    """One action."""

    action = Text(max_length=200)
    arguments = BoundedObject(required=False)
    description = Text(max_length=DESCRIPTION_CHARS_MAX, required=False, allow_blank=True, trim_whitespace=False)
    arguments_schema = SchemaField(required=False)
    allowed_decisions = serializers.ListField(
        child=serializers.ChoiceField(choices=ALL_DECISIONS), required=False, allow_empty=False, max_length=4
    )


class ActionSerializer(ItemSerializer):
    """One action of several, with what its agent knows it by."""

    metadata = BoundedObject(max_bytes=METADATA_BYTES_MAX, required=False)


@extend_schema_field({"type": "array", "minItems": 1, "maxItems": ACTIONS_MAX, "items": {"type": "object"}})
class ActionsField(serializers.Field[Any, Any, Any, Any]):
    """The actions of a batch, which people decide one by one."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list) or not data:
            raise serializers.ValidationError(_("must be a list with at least one action"))
        if len(data) > ACTIONS_MAX:
            raise serializers.ValidationError(_("must be at most %(max)d actions") % {"max": ACTIONS_MAX})
        items = [ActionSerializer(data=entry) for entry in data]
        errors = {str(place): item.errors for place, item in enumerate(items) if not item.is_valid()}
        if errors:
            raise serializers.ValidationError(errors)
        return [item.validated_data for item in items]

    def to_representation(self, value: Any) -> Any:
        return value


class RequestSerializer(ItemSerializer):
    """POST /api/v1/approvals: one action with all that helps to decide on it. Only `action` is required."""

    action = Text(max_length=200, required=False)
    actions = ActionsField(required=False)
    summary = Text(max_length=500, required=False, allow_blank=True)
    context = BoundedObject(required=False)  # type: ignore[assignment]  # DRF moves it out of the class body
    agent = AgentField(required=False)
    trace_id = serializers.RegexField(r"^[0-9a-fA-F]{32}$", required=False)
    span_id = serializers.RegexField(r"^[0-9a-fA-F]{16}$", required=False)
    session_id = Text(max_length=200, required=False, allow_blank=True)
    end_user = Text(max_length=200, required=False, allow_blank=True)
    confidence = Number(min_value=0, max_value=1, required=False)
    suggestion = serializers.ChoiceField(choices=ALL_DECISIONS, required=False)
    priority = serializers.ChoiceField(choices=PRIORITIES, required=False)
    team = Text(max_length=100, required=False, allow_blank=True)
    tags = TextList(max_length=LIST_MAX, required=False)
    timeout_seconds = WholeNumber(
        min_value=int(TIMEOUT_MIN.total_seconds()), max_value=int(TIMEOUT_MAX.total_seconds()), required=False
    )
    on_timeout = serializers.ChoiceField(choices=["reject", "approve", "escalate"], required=False)
    callback_url = serializers.URLField(max_length=500, required=False)
    metadata = BoundedObject(max_bytes=METADATA_BYTES_MAX, required=False)

    def validate_callback_url(self, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise serializers.ValidationError(_("must be an http or https address"))
        try:
            outbound.parsed_url(value)
        except Refused:
            raise serializers.ValidationError(_("must be an address that can be posted to")) from None
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "actions" not in attrs and "action" not in attrs:
            raise serializers.ValidationError({"action": [_("is required")]})
        if "actions" in attrs:
            both = [name for name in ITEM_FIELDS if name in attrs]
            if both:
                raise serializers.ValidationError({name: [_("belongs into the entries of actions")] for name in both})
        return attrs


def draft_of(values: Mapping[str, Any]) -> RequestDraft:
    """The request that a valid RequestSerializer describes."""
    # Without a list of actions the metadata is the request's, and the action has none of its own.
    items = tuple(_item_of(entry) for entry in values.get("actions") or [{**values, "metadata": {}}])
    agent = values.get("agent") or {}
    texts = ("summary", "description", "session_id", "end_user", "team", "suggestion", "callback_url", "on_timeout")
    return RequestDraft(
        items=items,
        agent=agent.get("name", ""),
        agent_version=agent.get("version", ""),
        trace_id=values.get("trace_id", "").lower(),
        span_id=values.get("span_id", "").lower(),
        context=values.get("context", {}),
        metadata=values.get("metadata", {}),
        tags=tuple(values.get("tags", ())),
        confidence=values.get("confidence"),
        priority=values.get("priority", "normal"),
        timeout=timedelta(seconds=values["timeout_seconds"]) if "timeout_seconds" in values else None,
        **{name: values.get(name, "") for name in texts},
    )


def _item_of(values: Mapping[str, Any]) -> ItemDraft:
    return ItemDraft(
        action=values["action"],
        arguments=values.get("arguments", {}),
        description=values.get("description", ""),
        arguments_schema=values.get("arguments_schema"),
        allowed_decisions=tuple(dict.fromkeys(values.get("allowed_decisions", ALL_DECISIONS))),
        metadata=values.get("metadata", {}),
    )


class DecisionSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/decisions: a person's verdict."""

    verdict = serializers.ChoiceField(choices=ALL_DECISIONS)
    arguments = BoundedObject(required=False)
    reason = Text(max_length=2_000, required=False, allow_blank=True)
    message = Text(max_length=10_000, required=False, allow_blank=True)
    labels = TextList(max_length=LIST_MAX, required=False)
    item = WholeNumber(min_value=0, max_value=ACTIONS_MAX - 1, required=False)


def ruling_of(values: Mapping[str, Any]) -> Ruling:
    """The verdict that a valid DecisionSerializer describes."""
    return Ruling(
        verdict=states.Verdict(values["verdict"]),
        arguments=values.get("arguments"),
        reason=values.get("reason", ""),
        message=values.get("message", ""),
        labels=tuple(values.get("labels", ())),
        item=values.get("item"),
    )


class BulkDecisionSerializer(StrictSerializer):
    """POST /api/v1/approvals/decisions: one verdict on many requests."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=BULK_MAX)
    verdict = serializers.ChoiceField(choices=[choice for choice in ALL_DECISIONS if choice != "edit"])
    reason = Text(max_length=2_000, required=False, allow_blank=True)
    message = Text(max_length=10_000, required=False, allow_blank=True)
    labels = TextList(max_length=LIST_MAX, required=False)


class WithdrawSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/withdraw; without `item` all that one has decided on the request."""

    item = WholeNumber(min_value=0, max_value=ACTIONS_MAX - 1, required=False)


class CancelSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/cancel."""

    reason = Text(max_length=2_000, required=False, allow_blank=True)


class MessageSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/messages and /request-info."""

    text = Text(max_length=10_000)


class OutcomeSerializer(StrictSerializer):
    """POST /api/v1/approvals/{id}/outcome: how the approved action went."""

    status = serializers.ChoiceField(choices=OUTCOMES)
    detail = BoundedObject(max_bytes=METADATA_BYTES_MAX, required=False)
