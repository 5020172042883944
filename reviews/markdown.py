"""Descriptions that agents write, as HTML that can be shown. Pure.

Nothing an agent sends is trusted: no HTML of theirs survives, there are no links and no images (an address is shown
as the text it is), and what the renderer made is sanitised again.
"""

from __future__ import annotations

from collections.abc import Sequence

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

CHARS_MAX = 50_000
HEADING_BASE = 3
"""Headings start below those of the page that shows the description."""

TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li",
    "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip

_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable(["table", "strikethrough"])


def render(text: str) -> SafeString:
    """The Markdown as sanitised HTML; of text beyond CHARS_MAX the beginning."""
    tokens = _parser.parse(text[:CHARS_MAX])
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(6, HEADING_BASE + int(token.tag[1]))}"
        if token.children:
            token.children = _without_addresses(token.children)
    html = _parser.renderer.render(tokens, _parser.options, {})
    return mark_safe(nh3.clean(html, tags=TAGS, attributes={}))  # noqa: S308  (sanitised by nh3 right here)


def _without_addresses(tokens: Sequence[Token]) -> list[Token]:
    """Inline tokens with every link replaced by its words and its address, and every image by its description."""
    kept: list[Token] = []
    addresses: list[str] = []
    words: list[str] = []
    for token in tokens:
        if token.type == "link_open":
            addresses.append(str(token.attrGet("href") or ""))
            words.append("")
        elif token.type == "link_close":
            address, shown = addresses.pop(), words.pop()
            if address and address != shown:
                kept.append(_text(f" ({address})"))
        elif token.type == "image":
            kept.append(_text(f"{token.content} ({token.attrGet('src') or ''})"))
        else:
            words = [text + token.content for text in words]
            kept.append(token)
    return kept


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
