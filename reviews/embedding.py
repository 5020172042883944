"""Where a request lies among others: a vector of what is asked, without any model. Pure.

Feature hashing (K. Weinberger et al., 2009, "Feature Hashing for Large Scale Multitask Learning"): each trait of a
request is hashed to one place of the vector and a sign, so that unrelated traits cancel out on average and the cosine
of two vectors is about that of the full lists of traits. The same request has the same vector on every machine and in
every version of Python; a change of this file needs all precedents embedded anew.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from reviews.diff import canonical

DIMENSIONS = 128

LEAVES_MAX = 200
"""Of larger arguments the first so many values count."""
DEPTH_MAX = 12
WORDS_MAX = 40
TEXT_MAX = 2_000
WORD = re.compile(r"\w+")

Trait = tuple[str, float]
"""A name and its share of the whole: the square of its weight."""


def embed(action: str, arguments: Mapping[str, Any], summary: str) -> list[float]:
    """The vector of a request: DIMENSIONS numbers, of length 1."""
    vector = [0.0] * DIMENSIONS
    for name, share in _traits(action, arguments, summary):
        hashed = int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        weight = math.sqrt(share)
        vector[hashed % DIMENSIONS] += weight if hashed >> 63 else -weight
    length = math.sqrt(sum(number * number for number in vector)) or 1.0
    return [number / length for number in vector]


def fingerprint(arguments: Mapping[str, Any]) -> int:
    """A signed 64-bit number that equal arguments share, whatever the order of their keys."""
    text = canonical(arguments).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)


def _traits(action: str, arguments: Mapping[str, Any], summary: str) -> Iterator[Trait]:
    """The action, each value at its place, and the summary weigh 1 each; the places together weigh 1."""
    yield f"action {action}", 1.0
    leaves = []
    for leaf in _leaves(arguments, "", 0):
        leaves.append(leaf)
        if len(leaves) == LEAVES_MAX:
            break
    for place, value in leaves:
        yield f"place {place}", 1.0 / len(leaves)
        yield from _of_value(place, value)
    yield from _of_words("summary", summary, 1.0)


def _leaves(value: Any, place: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Every plain value with its place; the members of a list share one."""
    if depth < DEPTH_MAX and isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{place}/{key}", depth + 1)
    elif depth < DEPTH_MAX and isinstance(value, list) and value:
        for part in value:
            yield from _leaves(part, f"{place}/*", depth + 1)
    else:
        yield place, value


def _of_value(place: str, value: Any) -> Iterator[Trait]:
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list):
        yield f"{place} is {canonical(value)[:TEXT_MAX]}", 1.0
    elif isinstance(value, int | float):
        yield from _of_number(place, value)
    else:
        text = str(value)
        yield f"{place} is {text[:TEXT_MAX]}", 0.5
        yield from _of_words(place, text, 0.5)


def _of_number(place: str, value: float) -> Iterator[Trait]:
    """A number as its magnitude, blended between neighbouring powers of two: 100 is near 120 and far from 10,000."""
    sign = "-" if value < 0 else ""
    try:
        height = math.log2(1.0 + abs(value))
    except OverflowError:
        height = 1_024.0
    if not math.isfinite(height):
        height = 1_024.0
    below = math.floor(height)
    above = height - below
    yield f"{place} about {sign}{below}", 1.0 - above
    yield f"{place} about {sign}{below + 1}", above


def _of_words(place: str, text: str, share: float) -> Iterable[Trait]:
    words = list(dict.fromkeys(WORD.findall(text[:TEXT_MAX].casefold())))[:WORDS_MAX]
    return [(f"{place} word {word}", share / len(words)) for word in words]
