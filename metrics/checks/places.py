"""From the path of a flag back to the text that it is in."""

from typing import Any


def text_at(value: Any, path: str) -> str | None:
    """The text at a path as `metrics.checks.fields` writes it, such as `input[1].content`; None where there is none."""
    return _at({**value}, f".{path}") if isinstance(value, dict) else None


def _at(value: Any, way: str) -> str | None:
    if not way:
        return value if isinstance(value, str) else None
    if isinstance(value, list) and way[0] == "[":
        number, closed, rest = way[1:].partition("]")
        place = int(number) if closed and number.isdecimal() else len(value)
        return _at(value[place], rest) if place < len(value) else None
    if isinstance(value, dict) and way[0] == ".":
        # A name may itself have points in it: each that the way begins with is tried.
        for name, inner in value.items():
            behind = way[1 + len(name) :]
            if way.startswith(name, 1) and (not behind or behind[0] in ".["):
                found = _at(inner, behind)
                if found is not None:
                    return found
    return None
