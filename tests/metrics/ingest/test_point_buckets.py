"""Histograms that cannot be are refused with the reason, in both encodings; the points beside them are kept."""

from typing import Any

import orjson
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from metrics.models import Point
from tests.metrics.ingest.conftest import PROTOBUF, Sender
from tests.metrics.ingest.payloads import NOW_NS

METRICS = "/v1/metrics"
JSON = "application/json"
GOOD: list[tuple[str, dict[str, Any]]] = [
    ("histogram", {"count": "3", "bucketCounts": ["1", "1", "1"], "explicitBounds": [1, 2]}),
    ("histogram", {"count": "3", "bucketCounts": ["3"]}),
    ("histogram", {"count": "3"}),
    ("histogram", {"count": "3", "bucketCounts": ["1", "2", "0"], "explicitBounds": [-1.5, "Infinity"]}),
    ("exponentialHistogram", {"count": "3", "scale": -2, "positive": {"offset": -3, "bucketCounts": ["1", "2"]}}),
    ("exponentialHistogram", {"count": "0"}),
]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("histogram", {"bucketCounts": ["1", "2"], "explicitBounds": [1, 2]}, "not one more than its bounds"),
    ("histogram", {"bucketCounts": ["1"] * 4, "explicitBounds": [1, 2]}, "not one more than its bounds"),
    ("histogram", {"count": "3", "explicitBounds": [1, 2]}, "not one more than its bounds"),
    ("histogram", {"bucketCounts": ["1", "2"]}, "not one more than its bounds"),
    ("histogram", {"bucketCounts": ["1"] * 3, "explicitBounds": [2, 1]}, "bounds do not rise"),
    ("histogram", {"bucketCounts": ["1"] * 3, "explicitBounds": [1, 1]}, "bounds do not rise"),
    ("histogram", {"bucketCounts": ["1"] * 2, "explicitBounds": ["NaN"]}, "bounds do not rise"),
    ("histogram", {"bucketCounts": ["1"] * 2, "explicitBounds": ["-Infinity"]}, "bounds do not rise"),
    ("histogram", {"bucketCounts": ["0"] * 642, "explicitBounds": list(range(641))}, "more than 640 buckets"),
    ("exponentialHistogram", {"scale": 21}, "scale is not in -10 to 20"),
    ("exponentialHistogram", {"zeroThreshold": -1.0}, "zero threshold is no size"),
]
# Protobuf has no way to say these.
BAD_IN_JSON: list[tuple[str, dict[str, Any], str]] = [
    ("histogram", {"bucketCounts": ["-1", "2"], "explicitBounds": [1]}, "negative bucket count"),
    ("histogram", {"count": "-3"}, "negative number of values"),
    ("summary", {"count": "-3"}, "negative number of values"),
    ("exponentialHistogram", {"zeroCount": "-1"}, "negative bucket count"),
    ("exponentialHistogram", {"negative": {"bucketCounts": ["-1"]}}, "negative bucket count"),
    ("exponentialHistogram", {"positive": {"offset": 2**31}}, "offset is not in 32 bits"),
]


def metric(number: int, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"m{number}", kind: {"dataPoints": [{"timeUnixNano": str(NOW_NS), **fields}]}}


def post(sender: Sender, metrics: list[dict[str, Any]], *, json: bool) -> tuple[int, str]:
    """How many points were refused and why."""
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}
    if json:
        reply = sender.post(METRICS, orjson.dumps(body), content_type=JSON)
        said = orjson.loads(reply.body).get("partialSuccess", {})
        return int(said.get("rejectedDataPoints", 0)), said.get("errorMessage", "")
    request = ParseDict(body, ExportMetricsServiceRequest()).SerializeToString()
    answer = ExportMetricsServiceResponse.FromString(sender.post(METRICS, request, content_type=PROTOBUF).body)
    return answer.partial_success.rejected_data_points, answer.partial_success.error_message


@pytest.mark.parametrize("json", [False, True])
def test_histograms_that_can_be_are_stored(sender: Sender, json: bool) -> None:
    assert post(sender, [metric(n, *one) for n, one in enumerate(GOOD)], json=json) == (0, "")
    assert Point.objects.filter(project_id=sender.project.pk).count() == len(GOOD)


@pytest.mark.parametrize("json", [False, True])
def test_a_histogram_that_cannot_be_is_refused_and_its_neighbours_stay(sender: Sender, json: bool) -> None:
    for kind, fields, reason in [*BAD, *(BAD_IN_JSON if json else [])]:
        refused, said = post(sender, [metric(0, *GOOD[0]), metric(1, kind, fields)], json=json)
        assert (refused, reason in said) == (1, True), (kind, fields, said)
    assert [found.name for found in Point.objects.filter(project_id=sender.project.pk)] == ["m0"]
