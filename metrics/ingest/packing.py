"""What rows carry beyond their columns, in compressed values: a codec byte, then the content.

Spans of one trace repeat each other: prompts, histories, resources. So the details of all spans of a trace that arrive
together are compressed as one value, which one of them, the holder, carries; the others point to it. That is a third
of the bytes and of the time that a value for each would take. The holder is the span that started last, so that
whatever expires by age never outlives it.
"""

import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import zstandard

# The first byte names the codec, so that a trained dictionary or another format can follow without a migration.
CODEC_ALONE = b"\x01"  # zstd of the JSON of this row
CODEC_GROUP = b"\x02"  # zstd of the number of members, their heads, and their JSON one after the other
CODEC_POINTER = b"\x03"  # span id and start of the member of the same trace whose value holds this one too
MAX_UNPACKED_BYTES = 256 * 1024 * 1024
# Whoever opens one span unpacks the whole group.
MAX_GROUP_MEMBERS = 256
MAX_GROUP_BYTES = 1024 * 1024

_COUNT = struct.Struct(">I")
_HEAD = struct.Struct(">8sqI")
_POINTER = struct.Struct(">8sq")

SpanKey = tuple[bytes, int]  # span id and start, within a trace

_local = threading.local()


class Unreadable(ValueError):
    """The packed value has an unknown codec or is damaged."""


class Member(NamedTuple):
    """The detail of one span on its way into a group: JSON."""

    span_id: bytes
    start_ns: int
    json: bytes


def pack(content: Mapping[str, Any]) -> bytes:
    """The content as bytes; it must be JSON."""
    return pack_json(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))


def pack_json(json: bytes) -> bytes:
    """Ready-made JSON as a value of its own."""
    return CODEC_ALONE + _compressor().compress(json)


def pack_group(members: Sequence[Member]) -> list[bytes]:
    """The values of spans of one trace, in their order: few hold the content, the others point to them."""
    values: list[bytes] = [b""] * len(members)
    # In order of time: what a span repeats is then near.
    order = sorted(range(len(members)), key=lambda place: members[place].start_ns)
    for part in _parts(members, order):
        *others, last = part
        holder = members[last]
        if not others:
            values[last] = pack_json(holder.json)
            continue
        pointer = CODEC_POINTER + _POINTER.pack(holder.span_id, holder.start_ns)
        for place in others:
            values[place] = pointer
        heads = [_HEAD.pack(members[n].span_id, members[n].start_ns, len(members[n].json)) for n in part]
        content = b"".join([_COUNT.pack(len(part)), *heads, *(members[n].json for n in part)])
        values[last] = CODEC_GROUP + _compressor().compress(content)
    return values


def _parts(members: Sequence[Member], order: Sequence[int]) -> Iterator[list[int]]:
    """Runs of members that are small enough to be one group."""
    part: list[int] = []
    size = 0
    for place in order:
        length = len(members[place].json)
        if part and (len(part) == MAX_GROUP_MEMBERS or size + length > MAX_GROUP_BYTES):
            yield part
            part, size = [], 0
        part.append(place)
        size += length
    if part:
        yield part


def holds(packed: bytes) -> bool:
    """Whether the value holds content itself, rather than to point to another that does."""
    return packed[0] != CODEC_POINTER[0]


def pointed_at(packed: bytes | memoryview) -> SpanKey | None:
    """The span of the same trace whose value holds this content; None when the value holds it itself."""
    data = bytes(packed[: 1 + _POINTER.size])
    if data[:1] != CODEC_POINTER:
        return None
    if len(data) != 1 + _POINTER.size:
        raise Unreadable("damaged pointer")
    span_id, start_ns = _POINTER.unpack_from(data, 1)
    return span_id, start_ns


def unpack(packed: bytes | memoryview) -> dict[str, Any]:
    """The content of a value that was packed alone. Raises Unreadable."""
    data = bytes(packed)
    if data[:1] != CODEC_ALONE:
        raise Unreadable(f"unknown codec {data[:1]!r}")
    return _object(_decompressed(data))


def members(packed: bytes | memoryview, key: SpanKey) -> dict[SpanKey, bytes]:
    """The JSON of every span that a value holds, by span; `key` is the span that carries the value.

    A pointer holds nothing. Raises Unreadable.
    """
    data = bytes(packed)
    codec = data[:1]
    if codec == CODEC_ALONE:
        return {key: _decompressed(data)}
    if codec == CODEC_POINTER:
        return {}
    if codec != CODEC_GROUP:
        raise Unreadable(f"unknown codec {codec!r}")
    content = _decompressed(data)
    try:
        (count,) = _COUNT.unpack_from(content)
        at = _COUNT.size + count * _HEAD.size
        found: dict[SpanKey, bytes] = {}
        for place in range(count):
            span_id, start_ns, length = _HEAD.unpack_from(content, _COUNT.size + place * _HEAD.size)
            found[(span_id, start_ns)] = content[at : at + length]
            at += length
    except struct.error as error:
        raise Unreadable("damaged group") from error
    return found


def content(json: bytes) -> dict[str, Any]:
    """The detail that a member's JSON says. Raises Unreadable."""
    return _object(json)


def _object(json: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(json)
    except orjson.JSONDecodeError as error:
        raise Unreadable("damaged content") from error
    if not isinstance(found, dict):
        raise Unreadable("the content is no object")
    return found


def _decompressed(data: bytes) -> bytes:
    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        return decompressor.decompress(memoryview(data)[1:], max_output_size=MAX_UNPACKED_BYTES)
    except zstandard.ZstdError as error:
        raise Unreadable("damaged content") from error


def _compressor() -> zstandard.ZstdCompressor:
    # A compressor is not safe across threads, and making one costs more than a small value.
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
    return compressor
