"""`python -m bench.normalise`: microseconds a span of each step between a request's bytes and rows to write."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench import payloads
from bench.table import Figure, show
from metrics.ingest import normalise, otlp
from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.messages import TraceRequest

ROUNDS = 5
SPANS = 4_000
END_NS = 1_795_219_776_000_000_000
WINDOW = normalise.Window(0, 2**63 - 1)


def figures() -> Iterator[Figure]:
    """A figure per batch size and step; the best of a few rounds, by processor time."""
    for batch in (100, 500):
        for name, seconds in measured(batch):
            yield Figure(f"{name}, batches of {batch}", seconds / SPANS * 1e6, "us/span")


def measured(batch: int) -> Iterator[tuple[str, float]]:
    """Each step with its seconds."""
    bodies = [one.content for one in payloads.bodies(SPANS // batch, batch=batch, end_ns=END_NS)]
    documents = [as_json(body) for body in bodies]
    raws = [otlp.spans(body, json=False) for body in bodies]
    plan = Plan(Policy(key=b"bench"))
    yield "parse protobuf", best(lambda: [TraceRequest.FromString(body) for body in bodies])
    yield "parse and decode protobuf", best(lambda: [otlp.spans(body, json=False) for body in bodies])
    yield "parse and decode JSON", best(lambda: [otlp.spans(body, json=True) for body in documents])
    yield "normalise", best(lambda: [normalise.spans(raw, WINDOW) for raw in raws])
    yield "normalise and mask", best(lambda: [normalise.spans(raw, WINDOW, Masker(plan)) for raw in raws])


def best(step: Callable[[], Any]) -> float:
    """Seconds of processor time of the fastest round."""
    found = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        step()
        found = min(found, time.process_time() - started)
    return found


def as_json(body: bytes) -> bytes:
    """A request as OTLP/JSON; its ids are in base64, as converters write them."""
    return orjson.dumps(MessageToDict(ExportTraceServiceRequest.FromString(body)))


if __name__ == "__main__":
    show(figures())
