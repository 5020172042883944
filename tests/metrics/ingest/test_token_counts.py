"""Token counts as agents report them: read in many forms, never believed beyond reason."""

import pytest

from metrics.ingest.reading import MOST_TOKENS, whole


@pytest.mark.parametrize(
    ("reported", "tokens"), [(0, 0), (12, 12), ("12", 12), (12.0, 12), (-3, 0), (MOST_TOKENS, MOST_TOKENS)]
)
def test_counts_are_read(reported: int | float | str, tokens: int) -> None:
    assert whole(reported) == tokens


@pytest.mark.parametrize(
    "reported", [None, True, "many", "nan", float("nan"), float("inf"), MOST_TOKENS + 1, 2**63 - 1, "9" * 300]
)
def test_what_no_call_can_have_used_is_dropped_instead_of_priced(reported: int | float | str | None) -> None:
    assert whole(reported) is None
