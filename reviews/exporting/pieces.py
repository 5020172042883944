"""Bytes as they are kept in rows: compressed, a bounded piece at a time."""

from __future__ import annotations

import zstandard

PIECE_BYTES = 2 * 1024 * 1024
"""A piece ends when it has so many, with the line that it is at."""

LEVEL = 3


def packed(data: bytes) -> bytes:
    """The bytes as they are stored."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def unpacked(data: bytes | memoryview) -> bytes:
    """What was stored."""
    return zstandard.ZstdDecompressor().decompress(bytes(data))
