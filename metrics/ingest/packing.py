"""What a row carries beyond its columns, in one compressed value: a codec byte, then the content."""

import threading
from collections.abc import Mapping
from typing import Any

import orjson
import zstandard

# The first byte names the codec, so that a trained dictionary or another format can follow without a migration.
CODEC_ZSTD_JSON = b"\x01"
MAX_UNPACKED_BYTES = 256 * 1024 * 1024

_local = threading.local()


class Unreadable(ValueError):
    """The packed value has an unknown codec or is damaged."""


def pack(content: Mapping[str, Any]) -> bytes:
    """The content as bytes; it must be JSON."""
    # A compressor is not safe across threads, and making one costs more than a small value.
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
    return CODEC_ZSTD_JSON + compressor.compress(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS))


def unpack(packed: bytes | memoryview) -> dict[str, Any]:
    """The content of a packed value. Raises Unreadable."""
    data = bytes(packed)
    if data[:1] != CODEC_ZSTD_JSON:
        raise Unreadable(f"unknown codec {data[:1]!r}")
    decompressor: zstandard.ZstdDecompressor | None = getattr(_local, "decompressor", None)
    if decompressor is None:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    try:
        content = orjson.loads(decompressor.decompress(data[1:], max_output_size=MAX_UNPACKED_BYTES))
    except (zstandard.ZstdError, orjson.JSONDecodeError) as error:
        raise Unreadable("damaged content") from error
    if not isinstance(content, dict):
        raise Unreadable("the content is no object")
    return content
