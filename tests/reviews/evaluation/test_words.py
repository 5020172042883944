"""Evaluations in words."""

import pytest

from metrics.comparison import Interval
from metrics.evaluation import Dimension, Finding
from reviews import evaluation_words as words


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.027, 0.05, "27 ms – 50 ms"),
        (0.027, None, "27 ms or more"),
        (None, 0.05, "50 ms or less"),
        (None, None, ""),
    ],
)
def test_an_interval_of_which_one_end_cannot_be_told_says_so(low: float | None, high: float | None, said: str) -> None:
    found = Finding(Dimension.PERFORMANCE, 5.0, 0.2, Interval(0.03, low, high), count=45)
    assert words.interval(found) == said
