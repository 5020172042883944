"""What a frozen dataset is made of: which examples, in which split, which are the same, what its card counts. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import rfc8785

from reviews.canonical import spelled_out

SPLITS = ("train", "validation", "test")
OUTCOMES = ("succeeded", "failed", "reverted", "none")
COUNTED = ("split", "verdict", "label", "agent", "action", "outcome")
NAMES_MAX = 200
OTHERS = "(others)"
NO_LABEL = "(none)"
MASKED = (
    "proposed_arguments",
    "final_arguments",
    "diff",
    "reason",
    "message",
    "messages",
    "summary",
    "description",
    "context",
    "outcome",
    "scores",
)
"""The members of a line in which there may be what people say; the rest is names and ids of ours."""


class Wrong(ValueError):
    """A filter or shares that cannot be; `field` says which part of it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ExampleFilter:
    """Which examples a dataset takes, each in its newest revision. Empty means any; `since` is the first moment of
    deciding that counts and `until` the first that does not any more, as RFC 3339."""

    agent: str = ""
    action: str = ""
    verdict: str = ""
    label: str = ""
    outcome: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> ExampleFilter:
        """A filter as it was stored or sent; raises Wrong."""
        names = {field.name for field in fields(cls)}
        for name, value in document.items():
            if name not in names:
                raise Wrong(name, "is not something to filter by")
            if not isinstance(value, str) or len(value) > 200 or "\x00" in value:
                raise Wrong(name, "must be text of at most 200 characters")
        found = cls(**document)
        if found.verdict not in {"", "approve", "edit", "reject", "respond"}:
            raise Wrong("verdict", "must be approve, edit, reject or respond")
        if found.outcome not in {"", *OUTCOMES}:
            raise Wrong("outcome", f"must be one of {', '.join(OUTCOMES)}")
        since, until = found.moment("since"), found.moment("until")
        if since and until and since >= until:
            raise Wrong("until", "must be after since")
        return found

    def moment(self, name: str) -> datetime | None:
        """`since` or `until` as a time; None where it is open. Raises Wrong for what is no time with an offset."""
        text = getattr(self, name)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise Wrong(name, "must be a time such as 2026-01-31T12:00:00Z") from None
        if found.tzinfo is None:
            raise Wrong(name, "must say its offset, as in 2026-01-31T12:00:00Z")
        return found

    def document(self) -> dict[str, str]:
        """What `read` takes: the chosen members only."""
        return {name: value for name, value in asdict(self).items() if value}


def checked_shares(shares: Mapping[str, Any]) -> dict[str, int]:
    """Shares of the splits in percent, all of them named; raises Wrong unless they add up to 100."""
    for name, value in shares.items():
        if name not in SPLITS:
            raise Wrong("shares", f"has no split {name}: these are {', '.join(SPLITS)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
            raise Wrong("shares", f"{name} must be a whole number of percent")
    found = {name: shares.get(name, 0) for name in SPLITS}
    if sum(found.values()) != 100:
        raise Wrong("shares", "must add up to 100")
    return found


def split_of(*, session: str, approval: str, shares: Mapping[str, int]) -> str:
    """The split of a session; of a request without one, its own.

    SHA-256 of the name gives a place from 0 to 100 (its first eight bytes over 2^64), and shares are laid out along
    it in the order of SPLITS. So a session is in the same split of every version with these shares.
    """
    name = f"session:{session}" if session else f"approval:{approval}"
    place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") * 100 / 2**64
    end = 0
    for split in SPLITS:
        end += shares[split]
        if place < end:
            return split
    return SPLITS[-1]


def key_of(*, action: str, arguments: Any, context: Any) -> bytes:
    """What two examples have in common that ask the same: SHA-256 over action, arguments and context."""
    spelled, pointers = spelled_out([action, arguments, context])
    return hashlib.sha256(rfc8785.dumps([spelled, pointers])).digest()


class Tally:
    """Counts lines for the card. A dimension counts NAMES_MAX names by themselves and the rest together."""

    def __init__(self, document: Mapping[str, Any] | None = None) -> None:
        given = document or {}
        self.counts = {name: Counter(given.get("counts", {}).get(name, {})) for name in COUNTED}
        self.verdicts = {split: Counter(given.get("verdicts", {}).get(split, {})) for split in SPLITS}
        self.duplicates: int = given.get("duplicates", 0)
        self.contested: int = given.get("contested", 0)
        self.unmaskable: int = given.get("unmaskable", 0)
        self.masked = Counter(given.get("masked", {}))
        self.period: list[str] = list(given.get("period", []))
        self.policies: set[int] = set(given.get("policy_versions", []))

    def add(self, line: Mapping[str, Any]) -> None:
        """Counts one line as it is written."""
        agent, outcome = line["agent"], line["outcome"]
        self._count("split", line["split"])
        self._count("verdict", line["verdict"])
        self._count("action", line["action"])
        self._count("agent", (agent or {}).get("name") or NO_LABEL)
        self._count("outcome", outcome.get("status", NO_LABEL) if isinstance(outcome, dict) else NO_LABEL)
        for label in line["labels"] or [NO_LABEL]:
            self._count("label", label)
        self.verdicts[line["split"]][line["verdict"]] += 1
        self.duplicates += line["copies"] - 1
        self.contested += line["contested"]
        if line["policy"]:
            self.policies.add(line["policy"]["version"])
        if line["decided_at"]:
            self.period = [min([*self.period[:1], line["decided_at"]]), max([*self.period[1:], line["decided_at"]])]

    def _count(self, dimension: str, name: str) -> None:
        counter = self.counts[dimension]
        counter[name if name in counter or len(counter) < NAMES_MAX else OTHERS] += 1

    def document(self) -> dict[str, Any]:
        """The counts as they are stored; `Tally(document)` counts on from there."""
        decided = sum(self.counts["verdict"].values())
        return {
            "counts": {name: dict(counter.most_common()) for name, counter in self.counts.items()},
            "verdicts": {split: dict(counter.most_common()) for split, counter in self.verdicts.items()},
            "balance": {name: round(count / decided, 4) for name, count in self.counts["verdict"].most_common()},
            "duplicates": self.duplicates,
            "contested": self.contested,
            "unmaskable": self.unmaskable,
            "masked": dict(self.masked),
            "period": self.period,
            "policy_versions": sorted(self.policies),
        }
