"""`Idempotency-Key` on creating POSTs (draft-ietf-httpapi-idempotency-key-header).

The record is inserted before the work and filled in the same transaction, so a concurrent retry waits on
its unique index and then finds the first answer. Only successes are kept: a refused request may be mended
and sent again under the same key.
"""

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
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


CLAIM = """
    INSERT INTO agents_idempotencyrecord (project_id, caller, path, key, body_hash, status, response, created_at)
    SELECT sent.project, sent.caller, sent.path, sent.key, sent.body_hash, 0, '', %(now)s
      FROM unnest(%(projects)s::bigint[], %(callers)s::text[], %(paths)s::text[], %(keys)s::text[],
                  %(hashes)s::bytea[]) AS sent (project, caller, path, key, body_hash)
     ORDER BY sent.caller, sent.path, sent.key
    ON CONFLICT (project_id, caller, path, key) DO NOTHING
    RETURNING id, project_id, caller, path, key
"""
FILL = """
    UPDATE agents_idempotencyrecord AS record
       SET status = answer.status, response = answer.response
      FROM unnest(%(ids)s::bigint[], %(statuses)s::int[], %(responses)s::bytea[]) AS answer (id, status, response)
     WHERE record.id = answer.id
"""


@dataclass(frozen=True)
class Keyed:
    """A request that came with an Idempotency-Key. The hash of its body tells a repetition from another request."""

    project_id: int
    caller: str
    path: str
    key: str
    body_hash: bytes = field(compare=False)


def is_good_key(key: str) -> bool:
    """Whether this can be an Idempotency-Key."""
    return 1 <= len(key) <= KEY_MAX_CHARS and key.isprintable()


def claim(keyed: Iterable[Keyed], *, now: datetime) -> dict[Keyed, int]:
    """The records of those that are new, by request. Waits for whoever is at work under one of the keys right now.

    In one order, so that nobody waits in a circle.
    """
    sent = list(dict.fromkeys(keyed))
    if not sent:
        return {}
    columns: dict[str, Any] = {
        "projects": [one.project_id for one in sent],
        "callers": [one.caller for one in sent],
        "paths": [one.path for one in sent],
        "keys": [one.key for one in sent],
        "hashes": [one.body_hash for one in sent],
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {**columns, "now": now})
        rows = cursor.fetchall()
    return {Keyed(project, caller, path, key, b""): record_id for record_id, project, caller, path, key in rows}


def release(records: Iterable[int]) -> None:
    """Forgets records of this transaction: what they were claimed for is refused, and may be mended and sent again."""
    IdempotencyRecord.objects.filter(pk__in=list(records)).delete()


def fill(answers: Mapping[int, tuple[int, bytes]]) -> None:
    """Keeps what was answered, by record: status and body."""
    if answers:
        statuses, bodies = zip(*answers.values(), strict=True)
        columns: dict[str, Any] = {"ids": list(answers), "statuses": list(statuses), "responses": list(bodies)}
        with connection.cursor() as cursor:
            cursor.execute(FILL, columns)


class ShownOnce(Response):
    """An answer that holds a secret: whoever repeats the request gets `again`, and the secret is kept nowhere."""

    def __init__(self, data: Any, *, again: Any, status: int) -> None:
        super().__init__(data, status=status)
        self.again = again


def idempotent(handler: Handler) -> Callable[..., Response | HttpResponse]:
    """Makes a `post` method of an ApiView answer a repeated key with its first answer."""

    @functools.wraps(handler)
    def replaying(view: ApiView, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        if not is_good_key(key):
            raise invalid("Idempotency-Key", f"must be 1 to {KEY_MAX_CHARS} printable characters")
        with transaction.atomic():
            return _once(handler, view, request, key, args, kwargs)

    return replaying


def _once(
    handler: Handler, view: ApiView, request: Request, key: str, args: Any, kwargs: Any
) -> Response | HttpResponse:
    body_hash = hashlib.sha256(request._request.body).digest()
    keyed = Keyed(view.project.pk, view.caller.ident, request.path, key, body_hash)
    claimed = claim([keyed], now=clock.now())
    if not claimed:
        return _replay(keyed)
    response = handler(view, request, *args, **kwargs)
    kept = response.again if isinstance(response, ShownOnce) else response.data
    fill({claimed[keyed]: (response.status_code, JSONRenderer().render(kept))})
    return response


def _replay(keyed: Keyed) -> HttpResponse:
    record = IdempotencyRecord.objects.get(
        project_id=keyed.project_id, caller=keyed.caller, path=keyed.path, key=keyed.key
    )
    if bytes(record.body_hash) != keyed.body_hash:
        message = "was used before with another body"
        raise Problem(422, f"Idempotency-Key: {message}", errors={"Idempotency-Key": [message]})
    response = HttpResponse(bytes(record.response), status=record.status, content_type="application/json")
    response["Idempotent-Replayed"] = "true"
    return response
