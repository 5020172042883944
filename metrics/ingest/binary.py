"""Rows as PostgreSQL's binary COPY has them. Pure.

Packed by hand, because this is the inner loop of ingest, and arrays take a fraction of the time that a general driver
needs. Formats: for the frame
https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY, for values the `recv` functions of
the types (src/backend/utils/adt: timestamp.c, numeric.c, arrayfuncs.c, jsonb.c, tsvector.c).
"""

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
BOOL = {None: NULL, True: b"\0\0\0\1\1", False: b"\0\0\0\1\0"}

_LENGTH = struct.Struct(">i")
_INT4 = struct.Struct(">ii")
_INT8 = struct.Struct(">iq")
# PostgreSQL counts microseconds from here.
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def rows(types: Sequence[str], values: Iterable[Sequence[Any]]) -> bytes:
    """The whole input of a COPY of rows whose columns have these types, a None being NULL."""
    encoders = [_ENCODERS[name] for name in types]
    count = struct.pack(">h", len(encoders))
    parts = [HEADER]
    for row in values:
        parts.append(count)
        parts += [NULL if value is None else encode(value) for encode, value in zip(encoders, row, strict=True)]
    parts.append(TRAILER)
    return b"".join(parts)


def text(value: str) -> bytes:
    """Text in UTF-8."""
    if not value:
        return b"\0\0\0\0"
    encoded = value.encode("utf-8", "replace")
    return _LENGTH.pack(len(encoded)) + encoded


def int4(value: int | None) -> bytes:
    """A whole number of 32 bits."""
    return NULL if value is None else _INT4.pack(4, value)


def int8(value: int | None) -> bytes:
    """A whole number of 64 bits."""
    return NULL if value is None else _INT8.pack(8, value)


def octets(value: bytes) -> bytes:
    """Bytes as they are."""
    return _LENGTH.pack(len(value)) + value


@lru_cache(maxsize=4_096)
def _timestamptz(value: datetime) -> bytes:
    return _INT8.pack(8, microseconds(value))


def microseconds(value: datetime) -> int:
    """A time as PostgreSQL counts it."""
    return (value - _POSTGRES_EPOCH) // timedelta(microseconds=1)


def _jsonb(value: object) -> bytes:
    encoded = orjson.dumps(value)
    return _LENGTH.pack(len(encoded) + 1) + b"\1" + encoded


def _numeric(value: int) -> bytes:
    """A whole number as digits to the base of 10,000."""
    digits: list[int] = []
    rest = abs(value)
    while rest:
        rest, digit = divmod(rest, 10_000)
        digits.append(digit)
    sign = 0x4000 if value < 0 else 0
    head = struct.pack(">hhHh", len(digits), max(len(digits) - 1, 0), sign, 0)
    return octets(head + struct.pack(f">{len(digits)}h", *reversed(digits)))


def _array(type_id: int, encode: Callable[[Any], bytes]) -> Callable[[Sequence[Any]], bytes]:
    """The encoder of arrays of one dimension."""
    empty = octets(struct.pack(">iii", 0, 0, type_id))

    def array(values: Sequence[Any]) -> bytes:
        if not values:
            return empty
        items = b"".join([NULL if value is None else encode(value) for value in values])
        # Dimensions, whether there are NULLs, type of the elements, how many, number of the first.
        return octets(struct.pack(">iiiii", 1, 1 if None in values else 0, type_id, len(values), 1) + items)

    return array


def _int4_array(values: Sequence[int]) -> bytes:
    if not values:
        return _EMPTY_INT4_ARRAY
    pairs = [part for value in values for part in (4, value)]
    return octets(struct.pack(f">iiiii{len(pairs)}i", 1, 0, _INT4_ID, len(values), 1, *pairs))


def _tsvector(values: Collection[str]) -> bytes:
    """Distinct words without positions; each ends with a zero and the number of its positions.

    PostgreSQL would sort them itself, where ingest waits for its processors.
    """
    if not values:
        return b"\0\0\0\4\0\0\0\0"
    words = "\0\0\0".join(sorted(values)).encode("utf-8", "replace")
    return _LENGTH.pack(len(words) + 7) + _LENGTH.pack(len(values)) + words + b"\0\0\0"


# The ids of built-in types never change.
_INT4_ID, _INT8_ID, _BYTEA_ID, _TEXT_ID = 23, 20, 17, 25
_EMPTY_INT4_ARRAY = octets(struct.pack(">iii", 0, 0, _INT4_ID))
_ENCODERS: Mapping[str, Callable[[Any], bytes]] = {
    "bool": BOOL.__getitem__,
    "int2": lambda value: struct.pack(">ih", 2, value),
    "int4": int4,
    "int8": int8,
    "float8": lambda value: struct.pack(">id", 8, value),
    "numeric": _numeric,
    "text": text,
    "bytea": octets,
    "jsonb": _jsonb,
    "timestamptz": _timestamptz,
    "tsvector": _tsvector,
    "int4[]": _int4_array,
    "int8[]": _array(_INT8_ID, int8),
    "text[]": _array(_TEXT_ID, text),
    "bytea[]": _array(_BYTEA_ID, octets),
}
