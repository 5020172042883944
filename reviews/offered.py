"""Answers that an agent offers to choose from, in a request's context: `reject_options` and `response_options`. Pure.

The shape is that of HumanLayer's `ResponseOption`: a `name` that the agent knows it by, and for people a `title`, a
`description` and `prompt_fill`, words to begin with. Others may send the same; what has no name is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEYS = {"reject": "reject_options", "respond": "response_options"}
NAME_CHARS = 100
MOST = 20


@dataclass(frozen=True)
class Offer:
    """One answer to choose. `fill` is what somebody who chooses it begins to write with."""

    name: str
    title: str
    description: str
    fill: str

    @property
    def words(self) -> str:
        """What it means, for who reads the decision without the list."""
        return self.fill or self.title or self.description or self.name

    @property
    def label(self) -> str:
        """How it is offered."""
        return self.title or self.name


def offers(entries: Any) -> list[Offer]:
    """The answers in a list as it was sent."""
    found = [_offer(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [offer for offer in found if offer.name]


def offered(context: Mapping[str, Any], verdict: str) -> list[Offer]:
    """What a request offers with a verdict, to be shown: at most MOST, each name once."""
    found = {offer.name: offer for offer in offers(context.get(KEYS.get(verdict, ""), []))}
    return [offer for offer in found.values() if len(offer.name) <= NAME_CHARS][:MOST]


def without_offers(context: Mapping[str, Any]) -> dict[str, Any]:
    """The rest of a context: what is offered is shown where it is chosen."""
    shown = {key for verdict, key in KEYS.items() if offered(context, verdict)}
    return {name: value for name, value in context.items() if name not in shown}


def _offer(entry: Mapping[str, Any]) -> Offer:
    texts = (entry.get(field) for field in ("name", "title", "description", "prompt_fill"))
    return Offer(*(text.strip() if isinstance(text, str) else "" for text in texts))
