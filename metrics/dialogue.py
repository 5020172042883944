"""What a session said, trace by trace: agents send the history along, a reader wants each message once. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from metrics.conversation import Message, messages

Key = tuple[Any, ...]


def said(pairs: Iterable[tuple[Any, Any]]) -> tuple[list[Message], list[Message]]:
    """The messages of the first of some recorded inputs and outputs that has any. What has no role was the user's
    when it went in, and the agent's when it came out."""
    for given, returned in pairs:
        went_in, came_out = messages(given), messages(returned)
        if went_in or came_out:
            return (
                [replace(one, role=one.role or "user") for one in went_in],
                [replace(one, role=one.role or "assistant") for one in came_out],
            )
    return [], []


class Reader:
    """Goes through a session in order of time and keeps what a trace adds to it."""

    def __init__(self) -> None:
        self._seen: set[Key] = set()

    def news(self, went_in: Sequence[Message], came_out: Sequence[Message]) -> list[Message]:
        """The messages of a trace without the history at their beginning.

        What started the trace, the last message of the user, is new whatever it says, and so is the last answer.
        """
        users = [place for place, one in enumerate(went_in) if one.role == "user"]
        fresh = self._without_history(went_in, users[-1] if users else len(went_in) - 1)
        self._seen.update(map(_key, went_in))
        answers = self._without_history(came_out, len(came_out) - 1)
        self._seen.update(map(_key, came_out))
        return [*fresh, *answers]

    def _without_history(self, every: Sequence[Message], last: int) -> list[Message]:
        place = 0
        while place < last and _key(every[place]) in self._seen:
            place += 1
        return list(every[place:])


def _key(message: Message) -> Key:
    return (message.role, *((part.kind, part.name, part.text) for part in message.parts))
