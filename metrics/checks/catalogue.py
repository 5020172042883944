"""The patterns, read from the tables beside this module. Each has a version, which every flag names.

A table of `patterns/*.toml` has the members of Pattern: `pattern` is a regular expression of RE2, so that none can take
more than linear time, or `rule` names what only code can tell. `matches` and `passes` are examples, all of them tested.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLACES = ("input", "output", "arguments", "context")
"""What a text is: given to a model, said by a model, what a tool is called with, what a request for approval adds."""

KINDS = ("injection", "hallucination", "pii")
SEVERITIES = ("low", "medium", "high")
RULES = frozenset({"uncited", "encoded", "personal"})
FOLDER = Path(__file__).resolve().parent / "patterns"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing that is looked for. A group in `pattern` is what is marked, else all that it matches."""

    id: str
    version: int
    severity: str
    title: str
    description: str
    applies: tuple[str, ...]
    pattern: str = ""
    rule: str = ""
    matches: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The part of the id before the point: one of KINDS."""
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        """The part of the id behind the point; of a rule what the rule is to look for."""
        return self.id.partition(".")[2]


def _read() -> Iterator[Pattern]:
    for kind in KINDS:
        for path in sorted(FOLDER.glob(f"{kind}*.toml")):
            for row in tomllib.loads(path.read_text(encoding="utf-8"))["pattern"]:
                yield Pattern(**{name: _frozen(value) for name, value in row.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value.strip() if isinstance(value, str) else value


PATTERNS: tuple[Pattern, ...] = tuple(_read())
BY_ID = {pattern.id: pattern for pattern in PATTERNS}
