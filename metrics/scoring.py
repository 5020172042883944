"""What a score may say, and how one is read from JSON. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from metrics.ingest.limits import SPAN_ID_BYTES, TRACE_ID_BYTES, text

NAME_CHARS = 120
LABEL_CHARS = 500
COMMENT_CHARS = 4_000
EXTERNAL_ID_CHARS = 200
SESSION_ID_CHARS = 200
METADATA_BYTES = 16 * 1024
ANNOTATION = "annotation:"
"""Before the ids of what people score in annotation queues. Nobody else gives such: it would keep them from scoring."""
DATA_TYPES = ("numeric", "categorical", "boolean", "text")
FIELDS = frozenset({
    "trace_id", "span_id", "session_id", "name", "data_type", "value", "label", "comment", "id", "external_id",
    "metadata", "source",
})  # fmt: skip


class Refused(ValueError):
    """A field of a score is wrong. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Draft:
    """A score before it is stored. `value` or `label` is given, or both; `external_id` None makes it a new one.

    It is about a trace, a span of one, or a session when `trace_id` is None. `data_type` is empty when nobody says.
    """

    trace_id: bytes | None
    name: str
    value: float | None = None
    label: str = ""
    comment: str = ""
    span_id: bytes | None = None
    session_id: str = ""
    data_type: str = ""
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def draft_of(document: Any) -> Draft:
    """A score from an object of the API. Raises Refused for the first field that is wrong."""
    if not isinstance(document, Mapping):
        raise Refused("score", "must be an object")
    unknown = [str(name)[:80] for name in document if name not in FIELDS]
    if unknown:
        raise Refused(unknown[0], "is not a field of a score")
    trace_id, span_id, session_id = about(document, ("trace_id", "span_id", "session_id"))
    value, label = number(document, "value"), words(document, "label", LABEL_CHARS)
    if value is None and not label:
        raise Refused("value", "a score needs a value or a label")
    return Draft(
        trace_id=trace_id,
        span_id=span_id,
        session_id=session_id,
        name=required(document, "name", NAME_CHARS),
        data_type=chosen(document, "data_type", DATA_TYPES),
        value=value,
        label=label,
        comment=words(document, "comment", COMMENT_CHARS),
        external_id=_own_id(document),
        metadata=metadata(document, "metadata"),
    )


def about(document: Mapping[str, Any], names: tuple[str, str, str]) -> tuple[bytes | None, bytes | None, str]:
    """What a score is about: trace, span and session, under these names. Raises Refused."""
    trace_name, span_name, session_name = names
    trace_id = hex_id(document, trace_name, TRACE_ID_BYTES)
    span_id = hex_id(document, span_name, SPAN_ID_BYTES)
    session_id = words(document, session_name, SESSION_ID_CHARS)
    if trace_id is None and (span_id is not None or not session_id):
        raise Refused(trace_name, "is required" if span_id else f"is required, or a {session_name}")
    return trace_id, span_id, session_id


def chosen(document: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    """One of some words in any case, empty when not given. Raises Refused."""
    value = words(document, name, 40).lower()
    if value and value not in choices:
        raise Refused(name, f"must be one of {', '.join(choices)}")
    return value


def _own_id(document: Mapping[str, Any]) -> str | None:
    """The sender's own id, as `id` or as `external_id`."""
    short, long = (words(document, name, EXTERNAL_ID_CHARS) for name in ("id", "external_id"))
    if short and long and short != long:
        raise Refused("id", "differs from external_id: they are the same thing, give one")
    own = short or long
    if own.startswith(ANNOTATION):
        raise Refused("id", f"must not begin with {ANNOTATION} as those of annotation queues do")
    return own or None


def hex_id(document: Mapping[str, Any], name: str, size: int) -> bytes | None:
    """An id of `size` bytes in hex, None when not given. Raises Refused."""
    value = document.get(name)
    if value is None or value == "":
        return None
    try:
        raw = bytes.fromhex(value) if isinstance(value, str) and len(value) == 2 * size else b""
    except ValueError:
        raw = b""
    if not any(raw):
        raise Refused(name, f"must be {2 * size} hex digits, not all zero")
    return raw


def words(document: Mapping[str, Any], name: str, longest: int) -> str:
    """Text of at most so many characters, empty when not given. Raises Refused."""
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(name, "must be text")
    cleaned = value.replace("\x00", "").strip()
    if len(cleaned) > longest:
        raise Refused(name, f"at most {longest} characters")
    return cleaned


def required(document: Mapping[str, Any], name: str, longest: int) -> str:
    """Like `words`, but not empty. Raises Refused."""
    value = words(document, name, longest)
    if not value:
        raise Refused(name, "is required")
    return value


def number(document: Mapping[str, Any], name: str) -> float | None:
    """A finite number; true and false count as 1 and 0. Raises Refused."""
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise Refused(name, "must be a number")
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Refused(name, "must be a finite number")
    return found


def metadata(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A small object of further facts. Raises Refused."""
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(name, "must be an object")
    try:
        size = len(orjson.dumps(value))
    except (TypeError, orjson.JSONEncodeError):
        raise Refused(name, "cannot be stored") from None
    if size > METADATA_BYTES:
        raise Refused(name, f"larger than {METADATA_BYTES} bytes")
    return value


def cut(value: str, longest: int) -> str:
    """Text of an agent that cannot be asked again, cut to what fits."""
    return text(value, 4 * longest)[:longest].strip()
