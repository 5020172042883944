"""What people and the agent have said to each other about a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reviews.models import ApprovalEvent


@dataclass(frozen=True)
class Said:
    """One thing that was said. A question keeps the request waiting for an answer of whoever made it."""

    name: str
    text: str
    at: datetime
    is_question: bool
    by_agent: bool


@dataclass(frozen=True)
class Talk:
    """The conversation about a request, its oldest word first."""

    said: Sequence[Said]

    @property
    def latest(self) -> Sequence[Said]:
        """The last question of a reviewer with all that followed; without one, the last word."""
        asked = [place for place, one in enumerate(self.said) if one.is_question]
        return self.said[asked[-1] if asked else -1 :]

    @property
    def earlier(self) -> Sequence[Said]:
        return self.said[: len(self.said) - len(self.latest)]


def talk_of(events: Sequence[ApprovalEvent]) -> Talk:
    """The words among the events of a request."""
    kinds = ApprovalEvent.Kind
    return Talk(
        [
            Said(
                name=event.actor_label,
                text=str(event.detail["text"]),
                at=event.at,
                is_question=event.kind == kinds.INFO_REQUESTED,
                by_agent=event.actor_id is None,
            )
            for event in events
            if event.kind in ApprovalEvent.CONVERSATION
        ]
    )
