"""Attributes that are read from their bytes are those that protobuf itself would have read."""

import hypothesis.strategies as st
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from metrics.ingest import protobuf
from metrics.ingest.limits import Malformed, Refused, number
from metrics.ingest.rows import Value
from tests.metrics.ingest import captures

TEXTS = st.one_of(st.text(max_size=40), st.sampled_from([127, 128, 129, 16_383, 16_384, 70_000]).map("é".__mul__))


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.one_of(TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(allow_nan=False), st.none()))
def test_one_attribute(key: str, value: Value) -> None:
    pair = KeyValue(key=key)
    if isinstance(value, bool):
        pair.value.bool_value = value
    elif isinstance(value, str):
        pair.value.string_value = value
    elif isinstance(value, int):
        pair.value.int_value = value
    elif isinstance(value, float):
        pair.value.double_value = value
    expected = {key: number(value) if type(value) is float else value}
    for _ in range(2):  # the second time it is known
        assert protobuf.attributes([pair.SerializeToString()]) == expected


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_protobuf_reads_them_or_refused(data: bytes) -> None:
    try:
        expected = KeyValue.FromString(data)
    except DecodeError:
        expected = None
    try:
        found = protobuf.attributes([data])
    except (Malformed, Refused):
        assert expected is None
    else:
        assert expected is not None
        assert list(found) == [expected.key]
        if expected.value.WhichOneof("value") == "string_value":
            assert found[expected.key] == expected.value.string_value


def test_text_of_which_a_part_is_no_utf_8_is_malformed() -> None:
    pair = KeyValue(key="k", value=AnyValue(string_value="abcd")).SerializeToString().replace(b"bc", b"\xff\xfe")
    with pytest.raises(Malformed):
        protobuf.attributes([pair])


def test_the_attributes_of_recordings() -> None:
    for name in ("oi-langgraph", "langfuse-v4", "pydantic-ai", "strands"):
        for recording in captures.recordings(name):
            if not recording.path.endswith("traces"):
                continue
            request = ExportTraceServiceRequest.FromString(recording.body)
            expected = [
                [(pair.key, pair.value.string_value) for pair in span.attributes if pair.value.HasField("string_value")]
                for resource in request.resource_spans
                for scope in resource.scope_spans
                for span in scope.spans
            ]
            rows = protobuf.spans(recording.body).rows
            assert [[(key, value) for key, value in row.attributes.items() if type(value) is str] for row in rows] == (
                expected
            )


def test_what_is_known_of_attributes_stays_bounded() -> None:
    for place in range(protobuf.MOST_KNOWN + 10):
        pair = KeyValue(key=f"key.{place}", value=AnyValue(string_value="x")).SerializeToString()
        protobuf.attributes([pair])
    assert len(protobuf._known) <= protobuf.MOST_KNOWN
    assert len(protobuf._names) <= protobuf.MOST_KNOWN
    long = KeyValue(key="long", value=AnyValue(string_value="x" * 1_000)).SerializeToString()
    protobuf.attributes([long])
    assert long not in protobuf._known
