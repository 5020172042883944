"""Every pattern finds its examples, and passes over what only looks like them."""

import pytest

from metrics.checks.catalogue import BY_ID, KINDS, PATTERNS, PLACES, RULES, SEVERITIES, Pattern
from metrics.checks.engine import Checker
from metrics.checks.flag import Field


def _found(pattern: Pattern, text: str) -> set[str]:
    place = pattern.applies[0]
    return {flag.pattern for flag in Checker().check([Field("text", place, text)]).flags}


@pytest.mark.parametrize(
    ("pattern", "text"), [(one.id, text) for one in PATTERNS for text in one.matches], ids=lambda value: str(value)[:40]
)
def test_a_pattern_finds_its_examples(pattern: str, text: str) -> None:
    assert pattern in _found(BY_ID[pattern], text)


@pytest.mark.parametrize(
    ("pattern", "text"), [(one.id, text) for one in PATTERNS for text in one.passes], ids=lambda value: str(value)[:40]
)
def test_a_pattern_passes_over_what_only_looks_like_it(pattern: str, text: str) -> None:
    assert pattern not in _found(BY_ID[pattern], text)


def test_every_pattern_is_whole() -> None:
    assert len(BY_ID) == len(PATTERNS)
    for one in PATTERNS:
        assert one.kind in KINDS, one.id
        assert one.severity in SEVERITIES, one.id
        assert one.version >= 1, one.id
        assert all((one.name, one.title, one.description, one.applies)), one.id
        assert set(one.applies) <= set(PLACES), one.id
        assert bool(one.pattern) != bool(one.rule), one.id
        assert one.rule in {"", *RULES}, one.id
        if one.rule != "uncited":  # tests/metrics/checks/test_uncited.py
            assert one.matches, one.id
            assert one.passes, one.id
