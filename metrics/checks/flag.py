"""What a check has found: which pattern, and where."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from console.lib.unseen import visible

EXCERPT_CHARS = 120
AROUND_CHARS = 24
PATH_CHARS = 200


class Field(NamedTuple):
    """One text of what is checked. `place` says what it is for whoever reads it (`metrics.checks.catalogue.PLACES`).

    `path` leads to it, as `input[1].content` or `arguments.note`.
    """

    path: str
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A pattern of a version in a text: characters from `start` to `end` (excluded) of what is at `path`.

    `excerpt` is what was found with a little around it, without what cannot be seen and without personal data.
    """

    pattern: str
    version: int
    kind: str
    severity: str
    path: str
    start: int
    end: int
    excerpt: str

    @property
    def document(self) -> dict[str, Any]:
        """The flag as JSON, as it is stored and as the API tells it."""
        return {
            "pattern": self.pattern,
            "version": self.version,
            "kind": self.kind,
            "severity": self.severity,
            "path": self.path,
            "start": self.start,
            "end": self.end,
            "excerpt": self.excerpt,
        }


def excerpt_of(text: str, start: int, end: int) -> str:
    """What stands between `start` and `end` with a few characters on both sides, on one line."""
    first = max(start - AROUND_CHARS, 0)
    last = min(end + AROUND_CHARS, len(text), first + EXCERPT_CHARS)
    words = " ".join(visible(text[first:last]).split())
    return f"{'…' if first else ''}{words[: 2 * EXCERPT_CHARS]}{'…' if last < len(text) else ''}"
