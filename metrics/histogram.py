"""Histograms of durations with logarithmic buckets: small, mergeable by addition, exact to 2 %.

Bucket b holds durations d (microseconds) with GROWTH**(b - 1) < d <= GROWTH**b; all up to a microsecond are bucket 0.
The geometric middle of a bucket is at most sqrt(1.04) - 1 = 1.98 % away from any duration in it.
A histogram is stored as flat sorted pairs [bucket, count, bucket, count, ...].
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

GROWTH = 1.04
_LOG_GROWTH = float(np.log(GROWTH))
_NS_PER_US = 1_000.0

Pairs = Sequence[int] | npt.NDArray[np.int32]


def buckets(durations_ns: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The bucket of each duration in nanoseconds; negative durations count as none."""
    microseconds = np.maximum(np.asarray(durations_ns, dtype=np.float64) / _NS_PER_US, 1.0)
    # Rounded before the ceiling, so that GROWTH**b itself falls into b whatever the last bit of the logarithm says.
    return np.ceil(np.round(np.log(microseconds) / _LOG_GROWTH, 9)).astype(np.int64)


def pairs(bucket_numbers: Iterable[int]) -> list[int]:
    """The histogram of some bucket numbers."""
    found, counts = np.unique(np.fromiter(bucket_numbers, dtype=np.int64), return_counts=True)
    return _interleave(found, counts)


def merge(histograms: Iterable[Pairs]) -> list[int]:
    """The sum of histograms."""
    parts = [np.asarray(one, dtype=np.int64).reshape(-1, 2) for one in histograms if len(one)]
    if not parts:
        return []
    every = np.concatenate(parts)
    # Buckets are few, less than a thousand for a year: counting into all of them beats sorting what is there.
    counts = np.bincount(every[:, 0], weights=every[:, 1]).astype(np.int64)
    found = np.flatnonzero(counts)
    return _interleave(found, counts[found])


def quantiles(histogram: Pairs, wanted: Sequence[float]) -> list[float | None]:
    """The durations in nanoseconds below which the given shares (0 to 1) of all lie; None for an empty histogram."""
    if not len(histogram):
        return [None] * len(wanted)
    table = np.asarray(histogram, dtype=np.int64).reshape(-1, 2)
    reached = np.cumsum(table[:, 1])
    ranks = np.maximum(np.ceil(np.asarray(wanted) * reached[-1]), 1)
    place = np.minimum(np.searchsorted(reached, ranks), len(table) - 1)
    return [middle_ns(int(table[i, 0])) for i in place]


def quantiles_of_rows(table: npt.NDArray[np.int64], wanted: Sequence[float]) -> list[list[float | None]]:
    """The same for many histograms at once: a row each, a column per bucket from 0."""
    reached = np.cumsum(table, axis=1)
    whole = reached[:, -1] if table.shape[1] else np.zeros(len(table), dtype=np.int64)
    ranks = np.maximum(np.ceil(np.outer(whole, np.asarray(wanted))), 1)
    # The first bucket by which so many are reached: as many as there are buckets that fall short.
    places = (reached[:, None, :] < ranks[:, :, None]).sum(axis=2)
    return [
        [middle_ns(int(place)) if count else None for place in row] for row, count in zip(places, whole, strict=True)
    ]


def middle_ns(bucket: int) -> float:
    """The geometric middle of a bucket, in nanoseconds."""
    return _NS_PER_US * GROWTH ** (bucket - 0.5) if bucket > 0 else _NS_PER_US


def _interleave(found: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[int]:
    flat: list[int] = np.column_stack((found, counts)).ravel().tolist()
    return flat
