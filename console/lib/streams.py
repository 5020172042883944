"""Decompression with a ceiling: a small body must not be able to unfold into all of memory."""

import zlib

from isal import isal_zlib

GZIP_WINDOW = 16 + zlib.MAX_WBITS
CHUNK_BYTES = 64 * 1024


class TooLarge(Exception):
    """The decompressed body is larger than the limit."""


class BadEncoding(Exception):
    """The body is not what its Content-Encoding says, or the encoding is not supported."""


def inflate(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body without its content encoding ('', 'identity', 'gzip' or 'deflate'), at most `limit` bytes.

    Raises TooLarge beyond `limit` without producing more than a chunk past it, BadEncoding for
    truncated or damaged data and for unknown encodings.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        if len(body) > limit:
            raise TooLarge
        return body
    if name == "gzip":
        return _unfold(body, GZIP_WINDOW, limit)
    if name == "deflate":
        # RFC 9110 means zlib-wrapped data, but raw deflate streams are common enough to be accepted too.
        wrapped = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
        return _unfold(body, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, limit)
    raise BadEncoding(f"unsupported content encoding {name[:40]!r}")


def _unfold(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    rest = body
    # A gzip body may be several members one after the other (RFC 1952, section 2.2).
    while rest:
        member = isal_zlib.decompressobj(window)
        try:
            while not member.eof:
                part = member.decompress(rest, CHUNK_BYTES)
                total += len(part)
                if total > limit:
                    raise TooLarge
                parts.append(part)
                rest = member.unconsumed_tail
                if not part and not rest:
                    break
        except isal_zlib.error as error:  # type: ignore[misc]  # the stub gets the exception's type wrong
            raise BadEncoding("the body is not valid compressed data") from error
        if not member.eof:
            raise BadEncoding("the compressed body ends too early")
        rest = member.unused_data if window == GZIP_WINDOW else b""
    return b"".join(parts)
