"""The arguments of an action as text that people read and type. Pure.

JSON knows more types than a form: see `argument_fields` for its places and `argument_edit` for what is typed there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from console.lib.unseen import visible

JSON_CHARS_MAX = 50_000
INDENTED_CHARS_MAX = 250_000
BRIEF_PARTS = 3
BRIEF_CHARS = 48


def parsed(text: str) -> dict[str, Any]:
    """Arguments typed as JSON. Raises ValueError, in words, for anything but one object."""
    value = json_value(text)
    if not isinstance(value, dict):
        raise ValueError(_("The arguments have to be one JSON object: {…}."))
    return value


def json_value(text: str) -> Any:
    """Any value typed as JSON. Raises ValueError, in words, also for what PostgreSQL would not store."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(_("This is nested too deeply.")) from None
    except json.JSONDecodeError as error:
        message = _("This is not valid JSON: %(what)s, line %(line)d, column %(column)d.")
        raise ValueError(message % {"what": error.msg, "line": error.lineno, "column": error.colno}) from None
    if "\x00" in text or "\\u0000" in text:
        raise ValueError(_("Text must not contain NUL characters."))
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which cannot be signed either
        raise ValueError(_("Text must not contain half a character, as \\ud800 is.")) from None
    return value


def pretty(value: Any) -> str:
    """A JSON value for people to read and edit, keys in the order in which they were sent.

    What indenting would make many times longer comes in one line.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= INDENTED_CHARS_MAX else json.dumps(value, ensure_ascii=False)


def excerpt(text: str, *, limit: int = JSON_CHARS_MAX) -> tuple[str, int]:
    """As much of a JSON text as a page can hold, and how many characters are left out."""
    return text[:limit], max(0, len(text) - limit)


def in_words(name: str) -> str:
    """`process_refund` as `Process refund`; a name that is no such identifier stays what it is."""
    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        return name
    words = name.replace("_", " ").replace("-", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:] if words else name


def brief(arguments: Mapping[str, Any]) -> str:
    """The first plain values of some arguments in one line: `amount 120 · order A-17`."""
    parts = []
    for key, value in arguments.items():
        if isinstance(value, str | int | float) and value != "":
            text = ("true" if value else "false") if isinstance(value, bool) else visible(" ".join(str(value).split()))
            parts.append(f"{visible(key)} {text[:BRIEF_CHARS]}{'…' if len(text) > BRIEF_CHARS else ''}")
        if len(parts) == BRIEF_PARTS:
            break
    return " · ".join(parts)


def _refuse(constant: str) -> Any:
    raise ValueError(_("%(constant)s is not a JSON value.") % {"constant": constant})


def _finite(digits: str) -> float:
    """Python reads 1e400 as infinity, which is no JSON and which PostgreSQL does not store."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError(_("The number %(number)s is too large.") % {"number": digits[:40]})
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses a key given twice, of which the last would win silently."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = next(key for key, _value in pairs if [name for name, _part in pairs].count(key) > 1)
        raise ValueError(_("The key “%(key)s” is given twice.") % {"key": twice[:60]})
    return value
