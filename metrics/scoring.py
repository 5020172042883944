"""What a score may say, and how one is read from JSON. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from metrics.ingest.limits import SPAN_ID_BYTES, TRACE_ID_BYTES, text

NAME_CHARS = 120
LABEL_CHARS = 200
COMMENT_CHARS = 4_000
EXTERNAL_ID_CHARS = 200
METADATA_BYTES = 16 * 1024
FIELDS = frozenset({
    "trace_id", "span_id", "name", "value", "label", "comment", "external_id", "metadata", "source",
})  # fmt: skip


class Refused(ValueError):
    """A field of a score is wrong. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Draft:
    """A score before it is stored. `value` or `label` is given, or both; `external_id` None makes it a new one."""

    trace_id: bytes
    name: str
    value: float | None = None
    label: str = ""
    comment: str = ""
    span_id: bytes | None = None
    external_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def draft_of(document: Any) -> Draft:
    """A score from an object of the API. Raises Refused for the first field that is wrong."""
    if not isinstance(document, Mapping):
        raise Refused("score", "must be an object")
    unknown = [str(name)[:80] for name in document if name not in FIELDS]
    if unknown:
        raise Refused(unknown[0], "is not a field of a score")
    trace_id = hex_id(document, "trace_id", TRACE_ID_BYTES)
    if trace_id is None:
        raise Refused("trace_id", "is required")
    value, label = number(document, "value"), words(document, "label", LABEL_CHARS)
    if value is None and not label:
        raise Refused("value", "a score needs a value or a label")
    return Draft(
        trace_id=trace_id,
        span_id=hex_id(document, "span_id", SPAN_ID_BYTES),
        name=required(document, "name", NAME_CHARS),
        value=value,
        label=label,
        comment=words(document, "comment", COMMENT_CHARS),
        external_id=words(document, "external_id", EXTERNAL_ID_CHARS) or None,
        metadata=metadata(document, "metadata"),
    )


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
