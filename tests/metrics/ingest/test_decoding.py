"""The decoder takes any bytes: rows come out, or its own error and nothing else."""

import contextlib
import gzip
import random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.ingest import normalise, otlp, signals
from metrics.ingest.limits import Malformed
from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.normalise import Window
from tests.metrics.ingest.captures import FOLDER, recordings

MASKING = Plan(Policy(key=b"k"))
ALL_TIMES = Window(0, 2**63 - 1)
SIGNALS = ("traces", "logs", "metrics")
BODIES = [one.body for folder in FOLDER.iterdir() if folder.is_dir() for one in recordings(folder.name)]


def digest(body: bytes, signal: str, *, json: bool) -> None:
    """Everything that ingest does before it needs a database."""
    if signal == "traces":
        normalise.spans(otlp.spans(body, json=json), ALL_TIMES, Masker(MASKING))
    elif signal == "logs":
        signals.logs(otlp.logs(body, json=json), ALL_TIMES, Masker(MASKING))
    else:
        signals.points(otlp.points(body, json=json), ALL_TIMES, Masker(MASKING))


def survives(body: bytes, signal: str, *, json: bool) -> None:
    # Anything but Malformed fails the test.
    with contextlib.suppress(Malformed):
        digest(body, signal, json=json)


@given(st.binary(max_size=400), st.sampled_from(SIGNALS), st.booleans())
def test_arbitrary_bytes_are_rows_or_malformed(body: bytes, signal: str, json: bool) -> None:
    survives(body, signal, json=json)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(range(len(BODIES))), st.sampled_from(SIGNALS))
def test_mutated_recordings_are_rows_or_malformed(seed: int, which: int, signal: str) -> None:
    chance = random.Random(seed)
    body = bytearray(BODIES[which])
    for _ in range(chance.randrange(1, 12)):
        place = chance.randrange(len(body))
        action = chance.randrange(3)
        if action == 0:
            body[place] = chance.randrange(256)
        elif action == 1:
            del body[place : place + chance.randrange(1, 40)]
        else:
            body[place:place] = chance.randbytes(chance.randrange(1, 20))
    survives(bytes(body), signal, json=BODIES[which][:1] == b"{")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["NaN", "Infinity", "-1", "1e999", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from([
            "resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords", "resourceMetrics",
            "scopeMetrics", "metrics", "traceId", "spanId", "attributes", "key", "value", "stringValue", "intValue",
            "doubleValue", "arrayValue", "kvlistValue", "values", "events", "status", "code", "gauge", "histogram",
            "dataPoints", "exponentialHistogram", "startTimeUnixNano", "timeUnixNano", "body", "name", "count",
            "bucketCounts", "explicitBounds", "asInt", "asDouble", "resource", "scope", "sum", "summary",
            "severityNumber",
        ]),
        inner,
        max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


def wrapped(value: object, signal: str) -> object:
    """The value where rows of a signal are expected, so that the search does not stop at the door."""
    resource, scope, rows = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
    }[signal]
    return {resource: [{scope: [{rows: value}]}]}


@settings(max_examples=400, deadline=None)
@given(VALUES, st.sampled_from(SIGNALS), st.booleans())
def test_any_json_is_rows_or_malformed(value: object, signal: str, inside: bool) -> None:
    document = wrapped(value if isinstance(value, list) else [value], signal) if inside else value
    try:
        body = orjson.dumps(document)
    except TypeError:  # integers that JSON in 64 bits cannot say
        return
    survives(body, signal, json=True)


HOSTILE_TEXTS = [
    "", "{", '{"input": NaN, "output": "x"}', "[[[", '"\\"x\\""', "1e400", "-5", "NaN", "2026-13-40", "é" * 300, "null",
    "[null]", '{"total": "Infinity"}', "[Scrubbed due to 'x']", "gpt-4o", "a/b/c", "\0",
]  # fmt: skip
SPAN_ATTRIBUTES: st.SearchStrategy[dict[str, object]] = st.dictionaries(
    st.sampled_from([
        "gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens", "metadata",
        "langfuse.observation.usage_details", "langfuse.observation.cost_details", "llm.input_messages.0.message.role",
        "llm.input_messages.0", "llm.input_messages.9.message.content", "gen_ai.prompt.0.content", "tag.tags",
        "gen_ai.input.messages", "llm.invocation_parameters", "openinference.span.kind", "mlflow.spanType",
        "gen_ai.response.finish_reasons", "langfuse.observation.completion_start_time", "logfire.level_num",
        "gen_ai.response.time_to_first_chunk", "gen_ai.usage.cost", "gen_ai.request.model", "gen_ai.provider.name",
    ]),
    st.sampled_from([
        {"stringValue": text}
        for text in HOSTILE_TEXTS
    ] + [{"intValue": str(n)} for n in (-(2**63), -1, 0, 2**63 - 1)]
      + [{"doubleValue": n} for n in ("NaN", "Infinity", "-Infinity", 1e308, -0.0)]
      + [{"arrayValue": {"values": [{"stringValue": "a"}, {}]}}, {"kvlistValue": {}}, {"boolValue": True}, None]),
    max_size=8,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(SPAN_ATTRIBUTES)
def test_hostile_values_under_known_keys_normalise(attributes: dict[str, object]) -> None:
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "x",
        "startTimeUnixNano": "1", "endTimeUnixNano": "2",
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }  # fmt: skip
    body = orjson.dumps(wrapped([span], "traces"))
    normalise.spans(otlp.spans(body, json=True), ALL_TIMES, Masker(MASKING))
    batch = normalise.spans(otlp.spans(body, json=True), ALL_TIMES)
    assert (len(batch.rows), batch.refused.total()) == (1, 0)
    row = batch.rows[0]
    assert (row.usage.input_tokens or 0) >= 0
    assert row.price.nanos is None or 0 <= row.price.nanos <= 2**62


def test_a_gzip_of_a_recording_is_no_protobuf() -> None:
    with pytest.raises(Malformed):
        otlp.spans(gzip.compress(BODIES[0]), json=False)
