"""How Handrail speaks HTTP: problems (RFC 9457), bounded JSON bodies and opaque keyset cursors."""

import base64
import binascii
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf

PROBLEM_TYPE = "application/problem+json"
CURSOR_MAX_CHARS = 1_000


class Problem(Exception):
    """An error that a client is told: an HTTP status, what happened, and errors by field.

    `extra` members are added to the problem document; `headers` to the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str = "",
        errors: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.title = title or HTTPStatus(status).phrase
        self.errors = dict(errors or {})
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The problem+json document: `errors` is a list of {"field", "message"}."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [
                {"field": field, "message": str(message)}
                for field, messages in self.errors.items()
                for message in messages
            ]
        return body | self.extra


def invalid(field: str, message: str) -> Problem:
    """A 422 about one field."""
    detail = message if message.startswith(f"{field} ") else f"{field}: {message}"
    return Problem(422, detail, title="Invalid input", errors={field: [message]})


EVERYWHERE = frozenset({"project", "format"})
"""Query parameters that every address takes: whose data a person means, and how the answer is written."""


def check_names(query: Mapping[str, str], allowed: Collection[str]) -> None:
    """Raises Problem 422 naming the first query parameter that is none of `allowed`.

    For answers of which too much does harm: a filter that is misspelt would silently choose everything.
    """
    for name in query:
        if name not in allowed and name not in EVERYWHERE:
            raise invalid(name[:80], f"is not a parameter here: there are {', '.join(sorted(allowed))}")


def not_valid(error: ValidationError) -> Problem:
    """A 422 about what a service refused, by field."""
    errors = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
    words = "; ".join(f"{field}: {messages[0]}" for field, messages in errors.items())
    return Problem(422, words, title="Invalid input", errors=errors)


def problem_response(problem: Problem) -> HttpResponse:
    """The problem as a Django response."""
    response = HttpResponse(orjson.dumps(problem.document()), status=problem.status, content_type=PROBLEM_TYPE)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception hook: every error an API view raises becomes a problem document."""
    problem = as_problem(error)
    return None if problem is None else problem_response(problem)


def as_problem(error: Exception) -> Problem | None:
    """The problem that stands for an exception, or None for a bug, which must stay a logged 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Http404):
        return Problem(404, "There is nothing at this address, or it is not yours to see.")
    if isinstance(error, PermissionDenied):
        return Problem(403, str(error) or "You may not do this.")
    if isinstance(error, drf.ValidationError):
        errors = flatten_errors(error.detail)
        summary = "; ".join(f"{field}: {messages[0]}" for field, messages in list(errors.items())[:3])
        return Problem(422, summary, title="Invalid input", errors=errors)
    if isinstance(error, drf.APIException):
        if isinstance(error, drf.NotAuthenticated | drf.AuthenticationFailed):
            return Problem(401, str(error.detail), headers={"WWW-Authenticate": 'Bearer realm="handrail"'})
        return Problem(error.status_code, str(error.detail))
    return None


def flatten_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as {"items[2].action": ["..."]}."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
            flat |= flatten_errors(value, name)
        return flat
    if isinstance(detail, list):
        if all(isinstance(item, str) for item in detail):
            return {path or "body": [str(item) for item in detail]}
        flat = {}
        for index, item in enumerate(detail):
            if item:
                flat |= flatten_errors(item, f"{path}[{index}]")
        return flat
    return {path or "body": [str(detail)]}


def parse_json(body: bytes, *, limit: int) -> Any:
    """Strict JSON: no NaN, no NUL characters in text (PostgreSQL cannot store them).

    Raises Problem 413 over `limit` bytes, 400 when unparsable.
    """
    if len(body) > limit:
        raise Problem(413, f"The body is larger than {limit} bytes.")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"The body is not valid JSON: {error}", errors={"body": [str(error)]}) from None
    if b"\\u0000" in body and _has_nul(value):
        raise Problem(400, "Text must not contain NUL characters.", errors={"body": ["contains a NUL character"]})
    return value


def _has_nul(value: Any) -> bool:
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            if "\x00" in item:
                return True
        elif isinstance(item, dict):
            rest.extend(item)
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return False


def encode_cursor(values: Sequence[str | int | None]) -> str:
    """An opaque, URL-safe form of the sort key of the last row of a page."""
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).rstrip(b"=").decode()


def decode_cursor(text: str, *, length: int) -> list[Any]:
    """The `length` values of a cursor; 400 naming `cursor` when it is damaged or of another list."""
    damaged = Problem(400, "The cursor is not one of ours.", errors={"cursor": ["not a cursor of this list"]})
    if len(text) > CURSOR_MAX_CHARS:
        raise damaged
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        raise damaged from None
    if not isinstance(values, list) or len(values) != length:
        raise damaged
    return values


def next_link(request: HttpRequest, cursor: str | None) -> str | None:
    """The absolute address of the next page, keeping every other query parameter; None on the last page."""
    if cursor is None:
        return None
    query = request.GET.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def page_size(raw: str | None, *, default: int = 50, maximum: int = 200) -> int:
    """The `limit` query parameter: 1 to `maximum`; 422 naming `limit` otherwise."""
    if raw is None or raw == "":
        return default
    if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= maximum:
        raise invalid("limit", f"must be a whole number from 1 to {maximum}")
    return int(raw)
