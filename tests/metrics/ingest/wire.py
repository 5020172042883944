"""Protobuf written by hand, for what the library would not write; and the memory that a step takes."""

from pathlib import Path

from tests.metrics.ingest.payloads import NOW_NS

STATUS = Path("/proc/self/status")


def field(number: int, content: bytes) -> bytes:
    """A field with bytes, text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def fixed(number: int, value: int) -> bytes:
    """A field with a number of 64 bits."""
    return _varint(number << 3 | 1) + value.to_bytes(8, "little")


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def request(rows: bytes) -> bytes:
    """An export request with rows (fields 2) in one resource and one scope."""
    return field(1, field(2, rows))


def span(inside: bytes = b"", *, number: int = 1, trace: int = 1) -> bytes:
    """A span as a row."""
    ids = field(1, trace.to_bytes(16, "big")) + field(2, number.to_bytes(8, "big")) + field(5, b"x")
    return field(2, ids + fixed(7, NOW_NS) + fixed(8, NOW_NS + 1) + inside)


def text_attribute(key: bytes, value: bytes) -> bytes:
    """An attribute of a span."""
    return field(9, field(1, key) + field(2, field(1, value)))


def list_attribute(key: bytes, values: bytes) -> bytes:
    """An attribute of a span: a list of values (fields 1)."""
    return field(9, field(1, key) + field(2, field(5, values)))


def nested(levels: int, *, lists: bool) -> bytes:
    """The attribute of a span whose value lies so many lists or objects deep."""
    # From the inside out, and joined once: the text grows with every level.
    parts: list[bytes] = []
    size = 0
    for _ in range(levels):
        value = _varint(2 << 3 | 2) + _varint(size) if not lists else b""
        pair = _varint(1 << 3 | 2) + _varint(size + len(value)) + value
        head = _varint((5 if lists else 6) << 3 | 2) + _varint(size + len(pair)) + pair
        parts.append(head)
        size += len(head)
    return field(9, field(1, b"deep") + field(2, b"".join(reversed(parts))))


class Memory:
    """`with Memory() as used: ...; used.megabytes` is by how much the process had grown at most meanwhile."""

    megabytes = 0.0

    def __enter__(self) -> "Memory":
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        self._before = _kilobytes("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.megabytes = (_kilobytes("VmHWM") - self._before) / 1024


def _kilobytes(name: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])
