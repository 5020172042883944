"""Decompression with a ceiling: a small body must not be able to unfold into all of memory, nor take all day."""

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard
from isal import isal_zlib

GZIP_WINDOW = 16 + zlib.MAX_WBITS
CHUNK_BYTES = 64 * 1024
# zstd cannot be told how much to unfold at most: so little is given at once that it makes no more than 8 MiB of it
# (64 blocks of one repeated byte each), which is how far past the limit a bomb gets.
ZSTD_CHUNK_BYTES = 256
# What decoders should at least support (RFC 8878, section 3.1.1.1.2).
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
# Compressors that work in parallel make a member per 64 KiB or more; somebody who makes millions means harm.
MAX_MEMBERS = 1_000
# RFC 9110, section 8.4.1.3: x-gzip means gzip.
ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate", "zstd"})


class TooLarge(Exception):
    """The decompressed body is larger than the limit."""


class BadEncoding(Exception):
    """The body is not what its Content-Encoding says, or the encoding is not supported."""


class Member(Protocol):
    """One compressed stream within a body, as the standard library's zlib has it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class ZstdFrame:
    """A zstd frame; `max_length` has no effect, see ZSTD_CHUNK_BYTES."""

    unconsumed_tail = b""

    def __init__(self, decompressor: zstandard.ZstdDecompressor) -> None:
        self._frame = decompressor.decompressobj()

    @property
    def eof(self) -> bool:
        """Whether the frame is complete."""
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the end of the frame."""
        return self._frame.unused_data

    def decompress(self, data: bytes, _max_length: int, /) -> bytes:
        """All that the data unfolds to."""
        return self._frame.decompress(data)


def inflate(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body without its content encoding (one of ENCODINGS), at most `limit` bytes.

    Raises TooLarge beyond `limit` without producing more than a few megabytes past it, BadEncoding for
    truncated or damaged data and for unknown encodings.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > limit:
            raise TooLarge
        return body
    if name in {"gzip", "x-gzip"}:
        # A body may be several members one after the other (RFC 1952, section 2.2).
        return _unfold(body, lambda: isal_zlib.decompressobj(GZIP_WINDOW), CHUNK_BYTES, limit, MAX_MEMBERS)
    if name == "zstd":
        # And several frames (RFC 8878, section 3.1).
        decompressor = zstandard.ZstdDecompressor(max_window_size=max(limit, ZSTD_WINDOW_BYTES))
        return _unfold(body, lambda: ZstdFrame(decompressor), ZSTD_CHUNK_BYTES, limit, MAX_MEMBERS)
    if name == "deflate":
        # RFC 9110 means zlib-wrapped data, but raw deflate streams are common enough to be accepted too.
        wrapped = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
        window = zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
        return _unfold(body, lambda: isal_zlib.decompressobj(window), CHUNK_BYTES, limit, 1)
    raise BadEncoding(f"unsupported content encoding {name[:40]!r}")


def _unfold(body: bytes, start: Callable[[], Member], chunk: int, limit: int, members: int) -> bytes:
    """Up to `members` streams in a row, given to their decompressors `chunk` bytes at a time."""
    parts: list[bytes] = []
    total = at = 0
    for _ in range(members):
        if at == len(body):
            break
        member = start()
        given = b""
        while not member.eof:
            if not given:
                given = body[at : at + chunk]
                at += len(given)
            part = _step(member, given)
            if not part and not given:
                raise BadEncoding("the compressed body ends too early")
            total += len(part)
            if total > limit:
                raise TooLarge
            parts.append(part)
            given = member.unconsumed_tail
        at -= len(member.unused_data)
    if at < len(body) and members > 1:
        raise BadEncoding(f"the body is more than {members} compressed streams")
    return b"".join(parts)


def _step(member: Member, given: bytes) -> bytes:
    try:
        return member.decompress(given, CHUNK_BYTES)
    except (isal_zlib.error, zstandard.ZstdError) as error:  # type: ignore[misc]  # isal's stub has the type wrong
        raise BadEncoding(f"the body is not valid compressed data: {str(error).rpartition(': ')[2][:100]}") from error
