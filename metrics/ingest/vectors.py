"""Embedding vectors among attributes: a few numbers of each are kept, and how many there were. Pure."""

import re

import re2

from metrics.ingest.rows import Value

# Numbers in a row above which a list is a vector rather than data to read.
LONGEST_LIST = 64
KEPT = 8

# RE2: hostile text costs no more than any other. (Possessive repeats would do it too, but Python 3.11.2, which
# Debian 12 has, captures wrongly around them.)
_NUMBER = r"-?\d[\d.eE+-]*"
_IN_TEXT = re2.compile(
    rf"\[\s*((?:{_NUMBER}\s*,\s*){{{KEPT}}})((?:{_NUMBER}\s*,\s*){{{LONGEST_LIST - KEPT},}}{_NUMBER})\s*\]"
)


def note(count: int) -> str:
    """What stands behind the kept numbers of a vector."""
    return f"... {count} numbers"


def shortened(value: Value) -> Value:
    """The value with the vectors in it cut short, in lists as well as in JSON text."""
    if isinstance(value, str):
        return str(_IN_TEXT.sub(_in_text, value)) if len(value) > 2 * LONGEST_LIST else value
    if isinstance(value, list):
        if is_vector(value):
            return [*value[:KEPT], note(len(value))]
        return [shortened(one) for one in value]
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    return value


def is_vector(value: list[Value]) -> bool:
    """Whether a list holds so many numbers that they are a vector."""
    return len(value) > LONGEST_LIST and all(type(one) in (int, float) for one in value)


def _in_text(match: re.Match[str]) -> str:
    head, tail = match.groups()
    count = KEPT + tail.count(",") + 1
    return f'[{head}"{note(count)}"]'
