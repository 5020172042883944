"""Calls of the HumanLayer API (v1), as its client sends and reads them: humanlayer 0.7, `humanlayer.core.models`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from console.lib.clock import rfc3339
from reviews import states
from reviews.models import Decision, HumanLayerCall
from reviews.offered import offers
from reviews.serializers.fields import BoundedObject, StrictSerializer, Text
from reviews.services.deciders import standings_of
from reviews.services.decisions import Ruling
from reviews.services.requests import ItemDraft, RequestDraft

Kind = HumanLayerCall.Kind
ID_CHARS_MAX = 200
TEXT_CHARS_MAX = 10_000
MESSAGE_CHARS_MAX = 50_000
SUMMARY_CHARS_MAX = 500
QUESTION = "contact_human"
"""What an agent does that asks a person something."""


class OptionSerializer(serializers.Serializer[Any]):
    """One answer that an agent offers (`ResponseOption`); what else its client sends of it is kept as it came."""

    name = Text(max_length=TEXT_CHARS_MAX)
    title = Text(max_length=TEXT_CHARS_MAX, required=False, allow_null=True, allow_blank=True)
    description = Text(max_length=TEXT_CHARS_MAX, required=False, allow_null=True, allow_blank=True)
    prompt_fill = Text(max_length=TEXT_CHARS_MAX, required=False, allow_null=True, allow_blank=True)


class FunctionCallSpec(serializers.Serializer[Any]):
    """What a function call is about; what else its client sends is kept and given back as it came."""

    fn = Text(max_length=200)
    kwargs = BoundedObject()
    reject_options = OptionSerializer(many=True, required=False, allow_null=True)


class ContactSpec(serializers.Serializer[Any]):
    """What a person is asked."""

    msg = Text(max_length=MESSAGE_CHARS_MAX)
    subject = Text(max_length=SUMMARY_CHARS_MAX, required=False, allow_null=True, allow_blank=True)
    response_options = OptionSerializer(many=True, required=False, allow_null=True)


class SpecField(BoundedObject):
    """A specification of the kind of call that `context` names."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        spec = super().to_internal_value(data)
        checked = {Kind.FUNCTION_CALL: FunctionCallSpec, Kind.CONTACT_REQUEST: ContactSpec}[self.context["kind"]]
        found = checked(data=spec)
        if not found.is_valid():
            raise serializers.ValidationError(found.errors)
        return without_secrets(spec)


class CallSerializer(serializers.Serializer[Any]):
    """POST /humanlayer/v1/function_calls and /contact_requests. A status that is sent along says nothing."""

    run_id = Text(max_length=ID_CHARS_MAX)
    call_id = serializers.RegexField(r"^[^/?#\s]+\Z", max_length=ID_CHARS_MAX)
    spec = SpecField()


class FunctionCallStatus(serializers.Serializer[Any]):
    """POST .../function_calls/{call_id}/respond."""

    approved = serializers.BooleanField()
    comment = Text(max_length=TEXT_CHARS_MAX, required=False, allow_null=True, allow_blank=True)
    reject_option_name = Text(max_length=100, required=False, allow_null=True, allow_blank=True)


class ContactStatus(serializers.Serializer[Any]):
    """POST .../human_contacts/{call_id}/respond."""

    response = Text(max_length=TEXT_CHARS_MAX)
    response_option_name = Text(max_length=100, required=False, allow_null=True, allow_blank=True)


class EscalationSerializer(StrictSerializer):
    """POST .../escalate_email. The project's own channels carry it: we write to no address that an agent names."""

    escalation_msg = Text(max_length=TEXT_CHARS_MAX)
    additional_recipients = serializers.ListField(required=False)
    channel = BoundedObject(required=False)


def without_secrets(spec: dict[str, Any]) -> dict[str, Any]:
    """The specification without the bot's token of a Slack channel: it is of no use here, and would be kept."""
    channel = spec.get("channel")
    slack = channel.get("slack") if isinstance(channel, dict) else None
    if not isinstance(channel, dict) or not isinstance(slack, dict) or not slack.get("bot_token"):
        return spec
    return {**spec, "channel": {**channel, "slack": {**slack, "bot_token": None}}}


def call_draft(kind: Kind, values: Mapping[str, Any]) -> RequestDraft:
    """The request that a valid CallSerializer describes.

    The client runs a function with its own arguments whatever anybody says, so that an edit is not offered.
    """
    spec = values["spec"]
    options = spec.get(_options_of(kind)) or []
    context = {_options_of(kind): options} if options else {}
    if kind == Kind.FUNCTION_CALL:
        item = ItemDraft(action=spec["fn"], arguments=spec["kwargs"], allowed_decisions=("approve", "reject"))
        return RequestDraft(items=(item,), session_id=values["run_id"], context=context)
    subject = spec.get("subject") or ""
    arguments = {"message": spec["msg"], **({"subject": subject} if subject else {})}
    item = ItemDraft(action=QUESTION, arguments=arguments, allowed_decisions=("respond",))
    summary = (subject or spec["msg"].strip().partition("\n")[0])[:SUMMARY_CHARS_MAX]
    return RequestDraft(
        items=(item,), session_id=values["run_id"], context=context, summary=summary, description=spec["msg"]
    )


def call_ruling(call: HumanLayerCall, values: Mapping[str, Any]) -> Ruling:
    """The verdict that a valid FunctionCallStatus or ContactStatus describes."""
    if call.kind == Kind.CONTACT_REQUEST:
        labels = _labels(values.get("response_option_name"))
        return Ruling(verdict=states.Verdict.RESPOND, message=values["response"], labels=labels)
    comment = values.get("comment") or ""
    if values["approved"]:
        return Ruling(verdict=states.Verdict.APPROVE, message=comment)
    name = values.get("reject_option_name")
    return Ruling(verdict=states.Verdict.REJECT, reason=comment or _words_of(call, name), labels=_labels(name))


def represent_call(call: HumanLayerCall) -> dict[str, Any]:
    """The call as its client reads it. Wants `approval` with its parts."""
    told = _function_status if call.kind == Kind.FUNCTION_CALL else _contact_status
    approval = call.approval
    times = {
        "requested_at": rfc3339(approval.requested_at),
        "responded_at": rfc3339(approval.closed_at) if approval.closed_at else None,
    }
    deciding = standings_of(approval)[0].deciding if approval.status in states.DECIDED else None
    return {
        "run_id": call.run_id,
        "call_id": call.call_id,
        "spec": call.spec,
        "status": {**times, **told(call, deciding)},
    }


def _function_status(call: HumanLayerCall, deciding: Decision | None) -> dict[str, Any]:
    approval = call.approval
    approved: bool | None = None if approval.is_waiting else approval.status == states.Status.APPROVED
    comment = (deciding.reason or deciding.message) if deciding else ""
    if approved is False:  # A client takes a rejection without a comment for a fault.
        comment = comment or _unsaid(call)
    return {
        "approved": approved,
        "comment": comment or None,
        "reject_option_name": _option_in(call, deciding) if approved is False else None,
        "slack_message_ts": None,
    }


def _contact_status(call: HumanLayerCall, deciding: Decision | None) -> dict[str, Any]:
    response = (deciding.message or deciding.reason) if deciding else ""
    if not response and not call.approval.is_waiting:  # A client without a response asks for ever.
        response = _unsaid(call)
    return {"response": response or None, "response_option_name": _option_in(call, deciding)}


def _unsaid(call: HumanLayerCall) -> str:
    """What became of a call on which nobody has said anything: its API has no word for it but the comment."""
    approval = call.approval
    if approval.status == states.Status.EXPIRED:
        return f"Expired: nobody decided by {rfc3339(approval.expires_at)}"
    if approval.status == states.Status.CANCELLED:
        return "Cancelled: the request was taken back before anybody decided"
    return f"Decided by the policy's rule {approval.rule}"


def _options_of(kind: str) -> str:
    return "reject_options" if kind == Kind.FUNCTION_CALL else "response_options"


def _option_in(call: HumanLayerCall, deciding: Decision | None) -> str | None:
    """The offered option that the decision names among its labels."""
    offered = {offer.name for offer in offers(call.options)}
    return next((label for label in deciding.labels if label in offered), None) if deciding else None


def _words_of(call: HumanLayerCall, name: str | None) -> str:
    """What an offered option means, in the words of whoever offered it; empty when there is none of this name."""
    return next((offer.words for offer in offers(call.options) if name and offer.name == name.strip()), "")


def _labels(name: str | None) -> tuple[str, ...]:
    return (name,) if name else ()
