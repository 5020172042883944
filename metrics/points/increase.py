"""How much a cumulative series grew, whatever its sender did: restarts, gaps, points twice or out of order.

Sources: the OpenTelemetry metrics data model ("Resets and gaps", "Cumulative streams: handling unknown start time") and
the counter rule of Prometheus' rate() and increase(): a counter that fell began again at zero. Unlike Prometheus
nothing is extrapolated: an increase is spread evenly over the time between the two points that it was seen between, so
the sum over all bins is the sum of what was counted.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """A point of a series: the total `values` since `start_ns` (None: unknown) at `time_ns`."""

    time_ns: int
    start_ns: int | None
    values: Vector


class Increment(NamedTuple):
    """What was added after `begin_ns` until `end_ns`; both are the same when it is not known since when."""

    begin_ns: int
    end_ns: int
    values: Vector


def increments(samples: Iterable[Sample], *, counters: int) -> list[Increment]:
    """What each cumulative sample adds to the one before it, in order of time. Of samples of one time the first counts.

    The first `counters` components never fall unless the series began again. The first sample counts from its start;
    with an unknown start, or one that is its own time, it is where counting begins and adds nothing.
    """
    found: list[Increment] = []
    before: Sample | None = None
    for sample in sorted(samples, key=lambda one: one.time_ns):
        if before is None:
            if sample.start_ns is not None and sample.start_ns < sample.time_ns:
                found.append(Increment(sample.start_ns, sample.time_ns, sample.values))
        elif sample.time_ns == before.time_ns:
            continue
        elif _began_again(before, sample, counters):
            begin = max(before.time_ns, sample.start_ns or 0)
            found.append(Increment(min(begin, sample.time_ns), sample.time_ns, sample.values))
        else:
            found.append(Increment(before.time_ns, sample.time_ns, sample.values - before.values))
        before = sample
    return found


def _began_again(before: Sample, sample: Sample, counters: int) -> bool:
    """Whether the series restarted between two samples: it says so, or a counter fell."""
    if sample.start_ns is not None and before.start_ns != sample.start_ns and sample.start_ns >= before.time_ns:
        return True
    return bool(np.any(sample.values[:counters] < before.values[:counters]))


def delta(sample: Sample) -> Increment:
    """What a delta point says: it covers the time after its start up to its own time (data model, "Temporality")."""
    begin_ns = sample.time_ns if sample.start_ns is None else min(sample.start_ns, sample.time_ns)
    return Increment(begin_ns, sample.time_ns, sample.values)


def spread(found: Sequence[Increment], *, start_ns: int, step_ns: int, bins: int, size: int) -> npt.NDArray[np.float64]:
    """The increments by bin, (bins, size): each evenly over its time; what lies outside of the bins is left out.

    One that is not known to have taken any time lies in the nanosecond that it ends with: at the edge of two bins in
    the one that is over then. The SQL that adds up deltas (points_added) does the same.
    """
    table = np.zeros((bins, size))
    for begun_ns, end_ns, values in found:
        begin_ns = min(begun_ns, end_ns - 1)
        first, last = (begin_ns - start_ns) // step_ns, (end_ns - 1 - start_ns) // step_ns
        length = end_ns - begin_ns
        for place in range(max(first, 0), min(last, bins - 1) + 1):
            low = max(begin_ns, start_ns + place * step_ns)
            high = min(end_ns, start_ns + (place + 1) * step_ns)
            table[place] += values * ((high - low) / length)
    return table
