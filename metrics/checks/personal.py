"""Personal data in a text, found by the rules that mask it."""

from collections.abc import Iterator

from metrics.ingest.limits import Refused
from metrics.ingest.masking import Allowance, Plan, Policy

# Looked at in one text: a table of numbers would take long otherwise.
MOST_LOOKED_AT = 200
_plans: dict[frozenset[str], Plan] = {}


def find(data: bytes, kinds: frozenset[str], *, most: int) -> Iterator[tuple[str, int, int]]:
    """The kind and the characters of what masking would take out of a text in UTF-8, at most so many.

    Of a text that is full of what may be personal nothing is told: it would take too long.
    """
    plan = _plans.get(kinds)
    if plan is None:
        plan = _plans[kinds] = Plan(Policy(kinds=kinds))
    try:
        found = plan.matches(data, Allowance(MOST_LOOKED_AT))
    except Refused:
        return
    for match in found[:most]:
        start = len(data[: match.start].decode("utf-8", "replace"))
        yield match.kind, start, start + len(data[match.start : match.end].decode("utf-8", "replace"))
