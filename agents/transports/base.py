"""What every transport says about a message that it was given."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from agents.messages import Message

DETAIL_CHARS = 300


@dataclass(frozen=True)
class Report:
    """What became of one attempt. `detail` is for people, and names no secret."""

    delivered: bool
    code: int | None = None
    detail: str = ""
    gone: bool = False
    """The other side wants nothing more."""
    retry_after: timedelta | None = None


class Transport(Protocol):
    """Sends. Never raises for what the other side does."""

    def send(self, messages: Sequence[Message], *, now: datetime) -> Report:
        """Sends some messages together; all of them arrive, or none."""
