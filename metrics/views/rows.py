"""The rows of the waterfall as HTML: not in a template, because of five thousand rows every microsecond counts."""

from collections.abc import Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from console.templatetags.ui import duration
from metrics.selectors.spans import Head, Line
from metrics.waterfall import Row


def waterfall_rows(lines: Sequence[Line]) -> SafeString:
    """Tree grid rows, one per line. Everything that an agent sent is escaped."""
    words = {"error": _("error"), "waiting": _("waits"), "slow": _("slow")}
    html = "".join(_row(line, words, first=index == 0) for index, line in enumerate(lines))
    return mark_safe(html)  # noqa: S308 - _row escapes


def _row(line: Line, words: dict[str, str], *, first: bool) -> str:
    row, span = line.row, line.span
    kind = escape(span.kind)
    flags = (
        (' aria-expanded="true"' if row.children else "")
        + (" data-critical" if row.critical else "")
        + (" data-slow" if row.slow else "")
    )
    fold = '<span class="waterfall-fold" data-fold></span>' if row.children else '<span class="waterfall-leaf"></span>'
    count = f'<span class="waterfall-count">{row.descendants}</span>' if row.children else ""
    return (
        f'<div class="waterfall-row" role="row" id="s-{row.id}" tabindex="{0 if first else -1}" '
        f'aria-level="{row.depth + 1}" aria-posinset="{row.position}" aria-setsize="{row.siblings}" '
        f'data-kind="{kind}" data-status="{escape(span.status)}"{flags}>'
        f'<div class="waterfall-name" role="gridcell">'
        f'<svg class="waterfall-indent" width="{row.indent}" height="1" aria-hidden="true"></svg>{fold}'
        f'<svg class="icon" width="14" height="14" aria-hidden="true"><use href="#kind-{kind}"/></svg>'
        f'<a class="truncate" href="?span={row.id}" tabindex="-1">{escape(span.name)}</a>'
        f'{count}{_badge(row, span, words)}</div><div role="gridcell"><svg class="waterfall-bar" aria-hidden="true">'
        f'<rect x="{row.x}" y="0" width="{row.bar}" height="100%"/></svg></div>'
        f'<div class="waterfall-time num" role="gridcell">{duration(span.duration_ns)}</div></div>'
    )


def _badge(row: Row, span: Head, words: dict[str, str]) -> str:
    if span.status == "error":
        text, css = span.error_type or words["error"], "waterfall-mark waterfall-failed"
    elif span.status == "waiting":
        text, css = words["waiting"], "waterfall-mark waterfall-waits"
    elif row.slow:
        text, css = words["slow"], "waterfall-mark"
    else:
        return ""
    return f'<span class="{css}">{escape(text)}</span>'
