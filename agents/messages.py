"""News as they leave the house: plain values, whatever they are about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

TEST = "channel.test"

EVENTS = {
    "approval.requested": gettext_lazy("An agent asks for approval"),
    "approval.info_requested": gettext_lazy("A reviewer asks the agent for information"),
    "approval.info_provided": gettext_lazy("The agent has answered, and waits again"),
    "approval.voted": gettext_lazy("A reviewer has decided, and others have to decide as well"),
    "approval.withdrawn": gettext_lazy("A reviewer takes a verdict back"),
    "approval.assigned": gettext_lazy("A request is given to somebody"),
    "approval.reminded": gettext_lazy("A request waits and its deadline comes near"),
    "approval.escalated": gettext_lazy("A request goes to the next step of its escalation"),
    "approval.approved": gettext_lazy("A request is approved"),
    "approval.rejected": gettext_lazy("A request is rejected"),
    "approval.answered": gettext_lazy("A request is answered in place of the action"),
    "approval.mixed": gettext_lazy("A batch is decided, its items differently"),
    "approval.expired": gettext_lazy("Nobody decided in time"),
    "approval.cancelled": gettext_lazy("The agent takes its request back"),
    "approval.consumed": gettext_lazy("The approved action is about to run: its receipt is used up"),
    "approval.outcome": gettext_lazy("The agent tells how it went"),
    "feedback.created": gettext_lazy("A labelled example, or a new revision of one"),
    "budget.warned": gettext_lazy("A budget is nearly spent"),
    "budget.spent": gettext_lazy("A budget is spent"),
}
"""Everything that rules can choose, in the order of a request's life, then of money, and what it is to people."""

FOR_PROGRAMS = frozenset({"feedback.created"})
"""What says to people only again what another event has said: they are told when a rule names it, webhooks always."""

DIGEST_LINES = 40

# What chat programs and mail readers would make clickable, or ring a bell for, comes from agents: it is taken apart.
_MENTION = re.compile(r"@(?=\w)")
_ADDRESS = re.compile(r"(?i)(?<=[a-z])://|(?<=\bwww)\.")
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_MARKUP = str.maketrans({"<": "‹", ">": "›", "`": "'", "*": "∗", "[": "(", "]": ")"})


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a project, before it is written into the outbox. `path`s are of this site."""

    project_id: int
    type: str
    title: str
    body: str
    path: str
    data: dict[str, Any]
    exact: dict[str, Any] | None = None
    """Further members of `data` that are kept to the letter."""
    risk: str = "low"
    team_id: int | None = None
    actions: tuple[tuple[str, str], ...] = ()
    """(label, path) of pages where a person can act on it, once they have signed in."""
    ends: bool = False
    until: datetime | None = None
    """What it says is true no longer than that; None: whatever happens."""
    person_id: int | None = None
    without: Sequence[int] = ()
    """Of the people whom it is for, those who need not act on it."""
    rung: bool = False
    """Whether those whom it is for have it in their bells already."""
    callback_url: str = ""


@dataclass(frozen=True)
class Link:
    """An absolute address and what it leads to."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a transport carries. `uid` stays the same however often the message is sent."""

    uid: str
    type: str
    at: datetime
    title: str
    body: str
    links: tuple[Link, ...]
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body and the links, for a reader."""
        lines = [self.body] if self.body else []
        lines += [f"{link.label}: {link.url}" for link in self.links]
        return "\n".join(lines)


def plain(text: str) -> str:
    """Words of an agent as nothing but words: on one line, without mentions, markup or anything to click on."""
    flat = _MENTION.sub("＠", " ".join(_UNSEEN.sub(" ", text).split())).translate(_MARKUP)
    return _ADDRESS.sub(lambda found: found[0].replace(":", "(:)").replace(".", "(.)"), flat)


def digest(messages: Sequence[Message], *, page: Link) -> Message:
    """Several messages as one, the oldest first; one alone stays as it is. `page` is where all of it can be seen."""
    if len(messages) == 1:
        return messages[0]
    shown = messages[:DIGEST_LINES]
    lines = [f"- {message.title}" + (f"\n  {message.links[0].url}" if message.links else "") for message in shown]
    more = len(messages) - len(shown)
    if more:
        lines.append(ngettext("and %(count)d more", "and %(count)d more", more) % {"count": more})
    first = messages[0]
    return Message(
        uid=first.uid,
        type="digest",
        at=first.at,
        title=_("%(count)d messages") % {"count": len(messages)},
        body="\n".join(lines),
        links=(page,),
    )
