"""Which bytes of a file a request asks for (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

SINGLE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


class Unsatisfiable(Exception):
    """The file has none of these bytes."""


@dataclass(frozen=True)
class ByteRange:
    """From the first byte to the last one, both included, counted from 0."""

    first: int
    last: int


def asked(header: str, *, size: int) -> ByteRange | None:
    """The part that a Range header asks for; None for the whole file: no header, or one that a server may ignore
    (another unit, several ranges, nonsense). Raises Unsatisfiable."""
    found = SINGLE.fullmatch(header.strip())
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:  # The last so many bytes.
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return ByteRange(max(size - int(last), 0), size - 1)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return ByteRange(int(first), min(int(last), size - 1) if last else size - 1)
