"""`Idempotency-Key` on creating POSTs (draft-ietf-httpapi-idempotency-key-header).

The record is inserted before the work and filled in the same transaction, so a concurrent retry waits on
its unique index and then finds the first answer. Only successes are kept: a refused request may be mended
and sent again under the same key.
"""

import functools
import hashlib
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.base import ApiView
from agents.models import IdempotencyRecord
from console.lib import clock
from console.lib.http import Problem, invalid

KEY_MAX_CHARS = 255
Handler = Callable[..., Response]


def idempotent(handler: Handler) -> Callable[..., Response | HttpResponse]:
    """Makes a `post` method of an ApiView answer a repeated key with its first answer."""

    @functools.wraps(handler)
    def replaying(view: ApiView, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not 1 <= len(key) <= KEY_MAX_CHARS or not key.isprintable():
            raise invalid("Idempotency-Key", f"must be 1 to {KEY_MAX_CHARS} printable characters")
        with transaction.atomic():
            return _once(handler, view, request, key, args, kwargs)

    return replaying


def _once(
    handler: Handler, view: ApiView, request: Request, key: str, args: Any, kwargs: Any
) -> Response | HttpResponse:
    body_hash = hashlib.sha256(request._request.body).digest()
    identity = {"project": view.project, "caller": view.caller.ident, "path": request.path, "key": key}
    record, created = IdempotencyRecord.objects.get_or_create(
        **identity, defaults={"body_hash": body_hash, "created_at": clock.now()}
    )
    if not created:
        return _replay(record, body_hash)
    response = handler(view, request, *args, **kwargs)
    record.status = response.status_code
    record.response = JSONRenderer().render(response.data)
    record.save(update_fields=["status", "response"])
    return response


def _replay(record: IdempotencyRecord, body_hash: bytes) -> HttpResponse:
    if bytes(record.body_hash) != body_hash:
        message = "was used before with another body"
        raise Problem(422, f"Idempotency-Key: {message}", errors={"Idempotency-Key": [message]})
    response = HttpResponse(bytes(record.response), status=record.status, content_type="application/json")
    response["Idempotent-Replayed"] = "true"
    return response
