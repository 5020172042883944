"""OTLP bodies, protobuf or JSON, to raw rows. Pure: the only exceptions that leave are Malformed and its TooMuch."""

from metrics.ingest import otlpjson, protobuf, weight
from metrics.ingest.rows import Batch, RawLog, RawPoint, RawSpan


def spans(body: bytes, *, json: bool) -> Batch[RawSpan]:
    """The spans of an export request; rows over the limits are counted as refused. Raises Malformed."""
    _weigh(body, weight.TRACES, json=json)
    return otlpjson.spans(body) if json else protobuf.spans(body)


def logs(body: bytes, *, json: bool) -> Batch[RawLog]:
    """The log records of an export request. Raises Malformed."""
    _weigh(body, weight.LOGS, json=json)
    return otlpjson.logs(body) if json else protobuf.logs(body)


def points(body: bytes, *, json: bool) -> Batch[RawPoint]:
    """The metric points of an export request. Raises Malformed."""
    _weigh(body, weight.METRICS, json=json)
    return otlpjson.points(body) if json else protobuf.points(body)


def _weigh(body: bytes, request: weight.Fields, *, json: bool) -> None:
    if json:
        weight.check_json(body)
    else:
        weight.check(body, request)
