"""/api/v1/channels and /api/v1/deliveries: where a project's news go, and what became of each."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from agents import selectors
from agents.api.base import ApiView
from agents.api.idempotency import ShownOnce, idempotent
from agents.channel_json import (
    MAKEABLE,
    NAME_CHARS,
    TARGET_CHARS,
    channel_of,
    delivery_of,
    fields_of,
    rules_of,
    text_of,
)
from agents.models import Channel, Delivery
from agents.permissions import Permission, Scope
from agents.services import channels as services
from agents.services import deliveries
from console.lib import clock
from console.lib.clock import rfc3339
from console.lib.http import Problem, decode_cursor, encode_cursor, invalid, next_link, not_valid, page_size

Json = dict[str, Any]
METHODS = ("GET", "POST", "PATCH", "DELETE")
SIGNING = frozenset({Channel.Kind.WEBHOOK, Channel.Kind.CALLBACK})
ATTEMPTS_SHOWN = 50
STATUSES = tuple(Delivery.Status.values)

WEBHOOK = OpenApiExample(
    "A webhook that is told of decisions of high risk",
    request_only=True,
    value={
        "kind": "webhook",
        "name": "Ops",
        "target": "https://example.com/hooks/handrail",
        "rules": [{"events": ["approval.approved", "approval.rejected"], "min_risk": "high"}],
    },
)
CHANGE = OpenApiExample("Off for now", request_only=True, value={"enabled": False})


class ChannelsView(ApiView):
    """The project's channels: people who may manage them, and keys with the scope `admin`."""

    scopes: ClassVar[dict[str, Scope]] = dict.fromkeys(METHODS, Scope.ADMIN)
    permissions: ClassVar[dict[str, Permission]] = dict.fromkeys(METHODS, Permission.CHANNEL_MANAGE)

    @extend_schema(operation_id="channels_list", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """Every channel with its rules, by name. Of its target only what may be shown, of its secret nothing."""
        found = [_shown(channel) for channel in selectors.channels_of(self.project, clock.now())]
        return Response({"results": found, "next": None})

    @extend_schema(
        operation_id="channels_create",
        request=OpenApiTypes.OBJECT,
        responses={201: OpenApiTypes.OBJECT},
        examples=[WEBHOOK],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Makes a channel of the kind `webhook`, `apprise`, `email` or `browser`.

        `target` is its URL, Apprise URL or addresses; a browser channel has none. Without `rules` it begins with the
        rule of its kind: a webhook is told of everything. The answer is the only one that ever shows the `secret` with
        which a webhook's messages are signed; a repetition under the same Idempotency-Key has null in its place.
        """
        body = fields_of(request.data, ("kind", "name", "target", "rules"))
        kind = text_of(body, "kind", longest=NAME_CHARS)
        if kind not in MAKEABLE or (kind == Channel.Kind.EMAIL and not settings.EMAIL_HOST):
            raise invalid("kind", f"must be one of {', '.join(MAKEABLE)}; email where this console has a mail server")
        target = "" if kind == Channel.Kind.BROWSER else text_of(body, "target", longest=TARGET_CHARS)
        try:
            made = services.create(
                project=self.project,
                kind=kind,
                name=text_of(body, "name", longest=NAME_CHARS),
                target=target,
                rules=rules_of(body, self.project),
                by=self.caller,
                now=clock.now(),
            )
        except ValidationError as error:
            raise not_valid(error) from None
        shown = _shown(self.find(made.pk))
        return ShownOnce({**shown, "secret": made.secret or None}, again={**shown, "secret": None}, status=201)

    def find(self, key: int) -> Channel:
        """The channel of that id, as `channels_of` reads it; 404 when the project has none."""
        found = selectors.channels_of(self.project, clock.now()).filter(pk=key).first()
        if found is None:
            raise Problem(404, "There is no such channel in this project.")
        return found


class ChannelView(ChannelsView):
    """One channel."""

    http_method_names = ["get", "patch", "delete", "head", "options"]

    @extend_schema(operation_id="channels_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, channel: int) -> Response:  # type: ignore[override]  # one, not all
        """One channel."""
        return Response(_shown(self.find(channel)))

    @extend_schema(
        operation_id="channels_change", request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT, examples=[CHANGE]
    )
    def patch(self, request: Request, channel: int) -> Response:
        """Changes what is sent of `name`, `target`, `enabled` and `rules`, which replace all that it has."""
        row = self.find(channel)
        body = fields_of(request.data, ("name", "target", "enabled", "rules"))
        if row.kind == Channel.Kind.CALLBACK and set(body) - {"enabled"}:
            raise invalid(min(set(body) - {"enabled"}), "cannot be changed of the channel of callbacks")
        if not isinstance(body.get("enabled", True), bool):
            raise invalid("enabled", "must be true or false")
        name = text_of(body, "name", longest=NAME_CHARS) if "name" in body else row.name
        target = text_of(body, "target", longest=TARGET_CHARS) if "target" in body else ""
        rules, now = rules_of(body, self.project), clock.now()
        try:
            with transaction.atomic():
                if {"name", "target"} & set(body):
                    services.change(channel=row, name=name, target=target, by=self.caller, now=now)
                if rules is not None:
                    services.set_rules(channel=row, drafts=rules, by=self.caller, now=now)
                if "enabled" in body:
                    services.switch(channel=row, enabled=body["enabled"], by=self.caller, now=now)
        except ValidationError as error:
            raise not_valid(error) from None
        return Response(_shown(self.find(channel)))

    @extend_schema(operation_id="channels_remove", responses={204: None})
    def delete(self, request: Request, channel: int) -> Response:
        """Ends a channel and forgets its target and secrets; its deliveries stay."""
        if not services.remove(channel=self.find(channel), by=self.caller, now=clock.now()):
            raise Problem(409, "The channel of callbacks cannot be removed: switch it off.")
        return Response(status=204)


class ChannelVerb(ChannelsView):
    """Base of what can be done with one channel."""

    http_method_names = ["post", "options"]


class ChannelTestView(ChannelVerb):
    """Where a channel is tried."""

    @extend_schema(operation_id="channels_test", request=None, responses={202: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, channel: int) -> Response:
        """Sends a message that says only that the channel works; answers with its delivery. 409 while it is off."""
        row = self.find(channel)
        if not row.enabled or row.kind == Channel.Kind.CALLBACK:
            raise Problem(
                409, "Switch the channel on first." if not row.enabled else "Only agents are told through it."
            )
        event = services.send_test(channel=row, by=self.caller, now=clock.now())
        return Response(delivery_of(Delivery.objects.select_related("event").get(event=event, channel=row)), status=202)


class ChannelSecretView(ChannelVerb):
    """Where a channel gets another signing secret."""

    @extend_schema(operation_id="channels_rotate_secret", request=None, responses=OpenApiTypes.OBJECT)
    @idempotent
    def post(self, request: Request, channel: int) -> Response:
        """Makes a new signing secret, shown in this answer alone; the one before goes on signing beside it for a day.

        Of the channel of callbacks, too, whose secret is never shown otherwise.
        """
        row = self.find(channel)
        if row.kind not in SIGNING:
            raise Problem(409, "Messages of this channel are not signed.")
        made = services.rotate_secret(channel=row, by=self.caller, now=clock.now())
        assert made.old_secret_until is not None
        rest = {"id": made.pk, "old_secret_until": rfc3339(made.old_secret_until)}
        return ShownOnce({**rest, "secret": made.secret}, again={**rest, "secret": None}, status=200)


class ChannelDeliveriesView(ChannelsView):
    """What went through one channel."""

    http_method_names = ["get", "head", "options"]

    @extend_schema(
        operation_id="channels_deliveries",
        parameters=[
            OpenApiParameter("status", str, enum=list(STATUSES)),
            OpenApiParameter("cursor", str),
            OpenApiParameter("limit", str),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, channel: int) -> Response:  # type: ignore[override]  # of one
        """Its deliveries, the newest first, a page at a time."""
        status = request.query_params.get("status", "")
        if status and status not in STATUSES:
            raise invalid("status", f"must be one of {', '.join(STATUSES)}")
        rows, more = selectors.delivery_page(
            self.project,
            channel=self.find(channel),
            status=status,
            before=_position(request.query_params.get("cursor")),
            size=page_size(request.query_params.get("limit")),
        )
        cursor = encode_cursor([rows[-1].pk]) if more else None
        return Response({"results": [delivery_of(row) for row in rows], "next": next_link(request._request, cursor)})


class DeliveryView(ApiView):
    """One delivery."""

    scopes: ClassVar[dict[str, Scope]] = dict.fromkeys(METHODS, Scope.ADMIN)
    permissions: ClassVar[dict[str, Permission]] = dict.fromkeys(METHODS, Permission.CHANNEL_MANAGE)

    @extend_schema(operation_id="deliveries_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, delivery: int) -> Response:
        """One delivery with its latest attempts, the newest first, and the `data` that is told."""
        row = self.find(delivery)
        return Response(delivery_of(row, attempts=row.attempts.order_by("-pk")[:ATTEMPTS_SHOWN]))

    def find(self, key: int) -> Delivery:
        """The delivery of that id; 404 when the project has none."""
        rows = Delivery.objects.of_project(self.project).select_related("channel", "event", "endpoint", "project")
        found = rows.filter(pk=key).first()
        if found is None:
            raise Problem(404, "There is no such delivery in this project.")
        return found


class ReplayView(DeliveryView):
    """Where a delivery is sent again."""

    http_method_names = ["post", "options"]

    @extend_schema(operation_id="deliveries_replay", request=None, responses={202: OpenApiTypes.OBJECT})
    @idempotent
    def post(self, request: Request, delivery: int) -> Response:
        """Sends a finished delivery once more under the same message id, and again over a day.

        One that is still on its way stays as it is. 409 while the channel is off.
        """
        try:
            deliveries.replay(deliveries=[self.find(delivery)], by=self.caller, now=clock.now())
        except ValidationError as error:
            raise Problem(409, " ".join(error.messages)) from None
        return Response(delivery_of(self.find(delivery)), status=202)


def _shown(channel: Any) -> Json:
    """A channel that was read by `channels_of`."""
    return channel_of(channel, list(channel.rules.all()), failing=channel.failing)


def _position(cursor: str | None) -> int | None:
    """The id behind which a page begins; 400 when the cursor is damaged."""
    if not cursor:
        return None
    [value] = decode_cursor(cursor, length=1)
    if type(value) is not int or not 0 <= value < 2**63:
        raise Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]})
    return value
