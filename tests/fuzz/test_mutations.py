"""A few thousand damaged recordings: each is rows, refused rows or Malformed, and never anything else."""

import contextlib
from collections import Counter
from collections.abc import Iterator

import pytest

from metrics.ingest.limits import Malformed
from tests.fuzz.mutations import Sample, corpus, damaged
from tests.metrics.ingest.test_decoding import digest

CASES = 9_000
PARTS = 3
SAMPLES = corpus()


def test_recordings_themselves_are_rows() -> None:
    assert {sample.json for sample in SAMPLES} == {True, False}
    for sample in SAMPLES:
        digest(sample.body, sample.signal, json=sample.json)


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_recordings_are_rows_or_malformed(part: int) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(part * CASES // PARTS, (part + 1) * CASES // PARTS):
        sample = damaged(SAMPLES, number)
        with contextlib.suppress(Malformed), _naming(number, sample):
            digest(sample.body, sample.signal, json=sample.json)
            outcomes["rows"] += 1
    assert outcomes["rows"] > 100


@contextlib.contextmanager
def _naming(number: int, sample: Sample) -> Iterator[None]:
    """Says which damage it was."""
    try:
        yield
    except Malformed:
        raise
    except Exception as error:
        error.add_note(f"damaged(SAMPLES, {number}): {sample.signal}, {sample.body[:200]!r}")
        raise
