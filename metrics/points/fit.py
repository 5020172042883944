"""Whether the buckets of a histogram can be those of a histogram. Pure; ingest refuses what cannot be, with the reason.

Source: the OpenTelemetry metrics data model (Histogram, ExponentialHistogram): one count more than bounds, or none of
both; bounds strictly rising; counts and the zero threshold not negative; scales from -10 to 20.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

MOST_BUCKETS = 640
SCALES = range(-10, 21)
INDEXES = range(-(2**31), 2**31)


def fault(kind: str, packed: Mapping[str, Any], count: int) -> str:
    """Why a point of `kind` with these buckets and so many values cannot be; empty when it can.

    Raises KeyError, TypeError or ValueError for buckets that were never read from a point.
    """
    if count < 0:
        return "negative number of values"
    if kind == "histogram":
        return _explicit(packed)
    if kind == "exponential_histogram":
        return _exponential(packed)
    return ""


def _explicit(packed: Mapping[str, Any]) -> str:
    bounds = [float(bound) for bound in packed["bounds"]]
    counts = packed["counts"]
    if not bounds and not counts:
        return ""
    if len(counts) != len(bounds) + 1:
        return "histogram whose bucket counts are not one more than its bounds"
    # Neither NaN nor the lowest of all is above what is below all; only the last bound can then be infinite.
    if not all(low < high for low, high in pairwise([-math.inf, *bounds])):
        return "histogram whose bounds do not rise"
    return _counts([counts])


def _exponential(packed: Mapping[str, Any]) -> str:
    if packed["scale"] not in SCALES:
        return f"exponential histogram whose scale is not in {SCALES[0]} to {SCALES[-1]}"
    if not 0 <= float(packed["zero_threshold"]) < math.inf:
        return "exponential histogram whose zero threshold is no size"
    sides = [packed["positive"], packed["negative"]]
    if any(side["offset"] not in INDEXES for side in sides):
        return "exponential histogram whose offset is not in 32 bits"
    return _counts([[packed["zero_count"]], *(side["counts"] for side in sides)])


def _counts(every: list[list[Any]]) -> str:
    if any(len(counts) > MOST_BUCKETS + 1 for counts in every):
        return f"histogram with more than {MOST_BUCKETS} buckets"
    return "negative bucket count" if any(number < 0 for counts in every for number in counts) else ""
