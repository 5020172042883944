"""Flags as people read them: what was noticed, where, and the words themselves, marked. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.lib.unseen import visible
from metrics.checks.catalogue import BY_ID
from metrics.checks.places import text_at

AROUND_CHARS = 60
MARKED_CHARS = 300

KIND_LABELS: Mapping[str, Promise] = {
    "injection": gettext_lazy("Possible prompt injection"),
    "hallucination": gettext_lazy("Possibly made up"),
    "pii": gettext_lazy("Personal data"),
}
LOOKS: Mapping[str, str] = {"high": "danger", "medium": "warn", "low": ""}


@dataclass(frozen=True, slots=True)
class Sign:
    """A flag for the page. `marked` stands between `before` and `after` in the text; without it `excerpt` is told."""

    pattern: str
    version: int
    title: str
    description: str
    kind: str
    look: str
    path: str
    excerpt: str
    before: str = ""
    marked: str = ""
    after: str = ""


def signs_of(flags: Sequence[Mapping[str, Any]], root: Callable[[], dict[str, Any]]) -> list[Sign]:
    """Flags in words. `root` is what their paths begin in; it is asked only when there are any."""
    if not flags:
        return []
    whole = root()
    return [_sign(flag, whole) for flag in flags]


def _sign(flag: Mapping[str, Any], whole: dict[str, Any]) -> Sign:
    known = BY_ID.get(flag["pattern"])
    # What is personal is on the page already, where it belongs; it is not repeated.
    text = None if flag["kind"] == "pii" else text_at(whole, flag["path"])
    start, end = flag["start"], flag["end"]
    before = marked = after = ""
    if text is not None and start < end <= len(text):
        before = _shown(text[max(start - AROUND_CHARS, 0) : start], cut=start > AROUND_CHARS)
        marked = visible(text[start : min(end, start + MARKED_CHARS)])
        after = _shown(text[end : end + AROUND_CHARS], cut_after=end + AROUND_CHARS < len(text))
    return Sign(
        pattern=flag["pattern"],
        version=flag["version"],
        title=_(known.title) if known else flag["pattern"],
        description=_(known.description) if known else "",
        kind=str(KIND_LABELS.get(flag["kind"], flag["kind"])),
        look=LOOKS.get(flag["severity"], ""),
        path=visible(flag["path"]),
        excerpt=flag["excerpt"],
        before=before,
        marked=marked,
        after=after,
    )


def _shown(text: str, *, cut: bool = False, cut_after: bool = False) -> str:
    return f"{'…' if cut else ''}{visible(text)}{'…' if cut_after else ''}"
