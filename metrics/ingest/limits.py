"""What ingest accepts at most, and how it says no: a hostile row alone, only an unreadable body as a whole."""

import base64
import logging
import math
import re
from collections import Counter
from typing import Any

import orjson

from metrics.times import MAX_NS

logger = logging.getLogger(__name__)

# Of one request: rows, and the resources and scopes that they come in.
MAX_ROWS = 50_000
MAX_ATTRIBUTES = 10_000
MAX_EVENTS = 5_000
MAX_LINKS = 1_000
MAX_DEPTH = 48
# Whoever adds a span to a trace or opens the trace reads all of it.
MAX_SPANS_PER_TRACE = 20_000
MAX_DETAIL_BYTES = 16 * 1024 * 1024

# Of texts, in UTF-8. The dimensions of a rollup are its key, and a key of PostgreSQL must stay below 2,700 bytes.
NAME_BYTES = 255
DIMENSION_BYTES = 120
ID_BYTES = 255
MESSAGE_BYTES = 4_000

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8


class Malformed(ValueError):
    """The body cannot be read at all; the message says where."""


class TooMuch(Malformed):
    """The body holds more than is taken at once; the message says of what."""


class Refused(ValueError):
    """One row cannot be stored; the message is the reason given back to the sender."""


# What one row's content can raise on its way; anything else is no row's fault.
UNREADABLE = (RecursionError, TypeError, ValueError)


def refuse(refused: Counter[str], error: Exception) -> None:
    """Counts one row as refused. `error` is a Refused or one of UNREADABLE, which is logged once per batch."""
    reason = str(error) if isinstance(error, Refused) else "attributes cannot be stored"
    if not isinstance(error, Refused) and reason not in refused:
        logger.warning("a row cannot be read", exc_info=error)
    refused[reason] += 1


def room_for(rows: int, room: int) -> int:
    """The room that is left in a request after so many rows. Raises TooMuch."""
    if rows > room:
        raise TooMuch(f"more than {MAX_ROWS} rows, scopes and resources in one request")
    return room - rows


def nested_deeper(value: Any, levels: int) -> bool:
    """Whether lists and objects lie in each other deeper than so many levels."""
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return levels <= 0 or any(nested_deeper(one, levels - 1) for one in inner)


def check_ids(trace_id: bytes, span_id: bytes) -> None:
    """Raises Refused unless both ids have their length and are not all zeros."""
    if len(trace_id) != TRACE_ID_BYTES:
        raise Refused("trace id is not 16 bytes")
    if len(span_id) != SPAN_ID_BYTES:
        raise Refused("span id is not 8 bytes")
    if trace_id == _NO_TRACE:
        raise Refused("trace id is all zeros")
    if span_id == _NO_SPAN:
        raise Refused("span id is all zeros")


def parent_id(span_id: bytes) -> bytes | None:
    """The id of a parent, None for none. Raises Refused for what is no id."""
    if not span_id or span_id == _NO_SPAN:
        return None
    if len(span_id) != SPAN_ID_BYTES:
        raise Refused("parent span id is not 8 bytes")
    return span_id


_NO_TRACE, _NO_SPAN = bytes(TRACE_ID_BYTES), bytes(SPAN_ID_BYTES)


def check_time(time_ns: int) -> int:
    """The time, if it fits what the database holds; raises Refused otherwise."""
    if not 0 <= time_ns <= MAX_NS:
        raise Refused("time out of range")
    return time_ns


def number(value: float) -> float | str:
    """The number, or its name where JSON has no number for it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def octets(value: bytes) -> str:
    """Bytes as text: the text that they are in UTF-8, which is searched and masked like any other; else base64."""
    try:
        said = value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
    return base64.b64encode(value).decode("ascii") if _CONTROL.search(said) else said


def base64_octets(value: str) -> str:
    """As `octets`, for bytes in base64, as OTLP/JSON has them; what is no base64 stays as it came."""
    bare = value.rstrip("=").translate(_STANDARD_BASE64)
    try:
        return octets(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except ValueError:
        return value


# Signs that are in no text, and the two letters in which the base64 of addresses differs.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STANDARD_BASE64 = str.maketrans("-_", "+/")


def text(value: str, limit_bytes: int) -> str:
    """The text without NUL characters, which PostgreSQL refuses, cut to a number of UTF-8 bytes."""
    if "\x00" in value:
        value = value.replace("\x00", "")
    if len(value) * 4 <= limit_bytes:
        return value
    encoded = value.encode("utf-8", "replace")
    return value if len(encoded) <= limit_bytes else encoded[:limit_bytes].decode("utf-8", "ignore")


def json_text(value: Any) -> str:
    """The value as JSON that PostgreSQL accepts: NUL is valid in JSON but in no PostgreSQL text."""
    encoded = orjson.dumps(value)
    if b"\\u0000" in encoded:
        encoded = orjson.dumps(_without_nul(value))
    return encoded.decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    if isinstance(value, dict):
        return {name.replace("\x00", ""): _without_nul(one) for name, one in value.items()}
    return value
