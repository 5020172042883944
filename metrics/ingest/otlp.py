"""OTLP bodies, protobuf or JSON, to raw rows. Pure: the only exception that leaves is Malformed."""

from metrics.ingest import otlpjson, protobuf
from metrics.ingest.rows import Batch, RawLog, RawPoint, RawSpan


def spans(body: bytes, *, json: bool) -> Batch[RawSpan]:
    """The spans of an export request; rows over the limits are counted as refused. Raises Malformed."""
    return otlpjson.spans(body) if json else protobuf.spans(body)


def logs(body: bytes, *, json: bool) -> Batch[RawLog]:
    """The log records of an export request. Raises Malformed."""
    return otlpjson.logs(body) if json else protobuf.logs(body)


def points(body: bytes, *, json: bool) -> Batch[RawPoint]:
    """The metric points of an export request. Raises Malformed."""
    return otlpjson.points(body) if json else protobuf.points(body)
