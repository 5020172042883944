"""Any JSON value as a foldable HTML tree, bounded in depth and size whatever an agent sent."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.lib.unseen import visible

MAX_DEPTH = 30
MAX_NODES = 3000
MAX_CHILDREN = 200
MAX_TEXT = 20_000

NO_NAME = SafeString("")
WORDS = {True: "true", False: "false", None: "null"}


class JsonTree:
    """Draws one value. `open_levels` containers from the top start unfolded."""

    def __init__(self, open_levels: int) -> None:
        self.open_levels = open_levels
        self.nodes_left = MAX_NODES

    def draw(self, value: Any, name: SafeString = NO_NAME, depth: int = 0) -> SafeString:
        """`value` with its key before it."""
        self.nodes_left -= 1
        if isinstance(value, dict) and value:
            return self._branch(name, list(value.items()), "{}", depth)
        if isinstance(value, list | tuple) and value:
            return self._branch(name, list(enumerate(value)), "[]", depth)
        return format_html('<span class="json-leaf">{}{}</span>', name, leaf(value))

    def _branch(self, name: SafeString, pairs: Sequence[tuple[Any, Any]], brackets: str, depth: int) -> SafeString:
        shown = pairs[: max(0, min(MAX_CHILDREN, self.nodes_left))] if depth < MAX_DEPTH else []
        rows = [
            (self.draw(value, format_html('<span class="json-key">{}</span>', visible(str(key))), depth + 1),)
            for key, value in shown
        ]
        left_out = len(pairs) - len(shown)
        note = format_html('<li class="json-cut">{}</li>', _("%(n)d more, see the raw JSON") % {"n": left_out})
        return format_html(
            '<details{}><summary>{}<span class="json-count">{}{}{}</span></summary><ul>{}{}</ul></details>',
            SafeString(" open") if depth < self.open_levels else NO_NAME,
            name,
            brackets[0],
            len(pairs),
            brackets[1],
            format_html_join("", "<li>{}</li>", rows),
            note if left_out else NO_NAME,
        )


def leaf(value: Any) -> SafeString:
    """One JSON scalar or empty container, marked with its type."""
    if isinstance(value, str):
        cut = value[:MAX_TEXT] + "…" if len(value) > MAX_TEXT else value
        return format_html('<span class="json-string">{}</span>', visible(cut) or '""')
    if isinstance(value, bool) or value is None:
        return format_html('<span class="json-word">{}</span>', WORDS[value])
    if isinstance(value, int | float | Decimal):
        return format_html('<span class="json-number">{}</span>', value)
    empty = "{}" if isinstance(value, dict) else "[]" if isinstance(value, list | tuple) else str(value)
    return format_html('<span class="json-count">{}</span>', empty)
