"""How many parts a large body is made of, counted before it is decoded. Pure.

A message without content takes two bytes on the wire, and twenty to a hundred times as many once it is an object. So
what a body may become is bounded by its parts, not by its bytes.
"""

from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metrics.ingest.limits import TooMuch

# What a body of fewer bytes can become is little enough; nearly all are smaller.
LIGHT_BYTES = 4 * 1024 * 1024
# A span has some thirty to a hundred.
MOST_PARTS = 1_000_000
# In JSON: braces, brackets and commas, also those within texts, which may be JSON themselves.
MOST_MARKS = 3_000_000
MARKS = (b"{", b"[", b",")

# What lies within fields, by their numbers: another message, or numbers without tags (None).
Fields: TypeAlias = "dict[int, Fields | None]"


def check_json(body: bytes) -> None:
    """Raises TooMuch when a body in JSON is made of too many parts."""
    if len(body) > LIGHT_BYTES and sum(map(body.count, MARKS)) > MOST_MARKS:
        raise TooMuch(f"more than {MOST_MARKS} braces, brackets and commas in one request")


def check(body: bytes, request: Fields) -> None:
    """Raises TooMuch when a body in protobuf is made of too many parts. Whether it is valid is not looked at."""
    if len(body) > LIGHT_BYTES and _parts(body, request) > MOST_PARTS:
        raise TooMuch(f"more than {MOST_PARTS} fields in one request")


def _parts(body: bytes, request: Fields) -> int:
    """The fields of a message and of all messages within, as far as they are valid and not many more than allowed."""
    parts = 0
    waiting = [(0, len(body), request)]
    while waiting:
        at, end, fields = waiting.pop()
        try:
            while at < end and parts <= MOST_PARTS:
                parts += 1
                key, at = _number(body, at)
                kind = key & 7
                if kind == 2:
                    size, at = _number(body, at)
                    inner = fields.get(key >> 3, _TEXT)
                    if inner is None:
                        parts += size
                    elif inner and size:
                        waiting.append((at, min(at + size, end), inner))
                    at += size
                elif kind == 0:
                    at = _number(body, at)[1]
                elif kind in _FIXED:
                    at += _FIXED[kind]
                else:
                    break
        except IndexError:
            continue  # it ends within a number
    return parts


_TEXT: Fields = {}
_FIXED = {1: 8, 5: 4}


def _number(body: bytes, at: int) -> tuple[int, int]:
    """A number in base 128, the low digits first, each but the last with 128 added; and where it ends."""
    digit = body[at]
    at += 1
    if digit < 128:
        return digit, at
    value, shift = digit & 127, 7
    while True:
        digit = body[at]
        at += 1
        value |= (digit & 127) << shift
        if digit < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError


def _fields(message: Descriptor, known: dict[str, Fields]) -> Fields:
    found = known.get(message.full_name)
    if found is None:
        found = known[message.full_name] = {}
        for field in message.fields:
            if field.message_type is not None:
                found[field.number] = _fields(field.message_type, known)
            elif field.is_packed:
                found[field.number] = None
    return found


def _request(message: Any) -> Fields:
    return _fields(message.DESCRIPTOR, {})


TRACES = _request(ExportTraceServiceRequest)
LOGS = _request(ExportLogsServiceRequest)
METRICS = _request(ExportMetricsServiceRequest)
