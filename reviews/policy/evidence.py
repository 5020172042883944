"""Which values of a request a condition looked at, for the sentence that explains its answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reviews.policy.conditions import VARIABLES
from reviews.policy.values import shown

TEXTS = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""")
PATHS = re.compile(rf"(?<![\w.])(?:{'|'.join(VARIABLES)})(?:\.[A-Za-z_]\w*(?!\w*\())*")
SHOWN = 4


def evidence(source: str, facts: Mapping[str, Any]) -> list[str]:
    """Sentences such as `args.amount is 120`, at most four, for the paths that a condition names."""
    sentences = []
    for path in dict.fromkeys(match.group() for match in PATHS.finditer(TEXTS.sub("''", source))):
        value: Any = facts
        for name in path.split("."):
            value = value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING
        if value is _MISSING:
            sentences.append(f"{path} is not there")
        elif not isinstance(value, Mapping | list | tuple):
            sentences.append(f"{path} is {shown(value)}")
    return sentences[:SHOWN]


_MISSING: Any = object()
