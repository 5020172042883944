"""The rows of the waterfall, built here and not in a template: with five thousand rows every microsecond counts.

The first rows are HTML. All of them are also data, from which waterfall.js draws those that are in sight.
"""

from collections.abc import Sequence

import orjson
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from console.lib.unseen import visible
from console.templatetags.ui import duration
from metrics.selectors.spans import Head, Line
from metrics.waterfall import Row

# Rows that are HTML: more than a screen. Without scripts these are all there is.
MOST_DRAWN = 100
STATUSES = {"ok": 0, "error": 1, "waiting": 2}
CRITICAL, SLOW, ORPHAN, NOISE = 1, 2, 4, 8
_NO_SPAN = Head("", "", 0, 0, "", "other", "ok", "", False)
_NO_ROW = Row("", 0, 0.0, 0.0, 0, 0, 1, 1, 1, 1, False, 0, False, False)


def waterfall_rows(lines: Sequence[Line]) -> SafeString:
    """Tree grid rows of the first lines. Everything that an agent sent is escaped."""
    words = _words()
    html = "".join(_row(line, words, index + 1) for index, line in enumerate(lines[:MOST_DRAWN]))
    return mark_safe(html)  # noqa: S308 - _row escapes


def blank_row() -> SafeString:
    """A row without a span, for waterfall.js to fill."""
    return mark_safe(_row(Line(_NO_SPAN, _NO_ROW), _words(), 0))  # noqa: S308 - nothing of an agent in it


def row_data(lines: Sequence[Line]) -> SafeString:
    """All lines as JSON for a script element: {"names", "kinds", "rows"}.

    A row is [id, depth, index of the name, index of the kind, index in STATUSES, flags, left and width of the bar in
    percent, time, own time, what the error is].
    """
    names: dict[str, int] = {}
    kinds: dict[str, int] = {}
    rows = [
        (
            row.id, row.depth, names.setdefault(visible(span.name), len(names)),
            kinds.setdefault(span.kind, len(kinds)), STATUSES.get(span.status, 0),
            row.critical * CRITICAL | row.slow * SLOW | row.orphan * ORPHAN | span.noise * NOISE,
            row.left, row.width, duration(span.duration_ns), duration(row.self_ns), visible(span.error_type),
        )
        for span, row in lines
    ]  # fmt: skip
    data = orjson.dumps({"names": list(names), "kinds": list(kinds), "rows": rows})
    # Nothing in it can end the script element.
    return mark_safe(data.replace(b"<", b"\\u003c").decode())  # noqa: S308


def _words() -> dict[str, str]:
    return {"error": _("error"), "waiting": _("waits"), "slow": _("slow"), "orphan": _("parent missing")}


def _row(line: Line, words: dict[str, str], index: int) -> str:
    span, row = line
    kind = escape(span.kind)
    flags = (
        (' aria-expanded="true"' if row.children else "")
        + (" data-critical" if row.critical else "")
        + (" data-slow" if row.slow else "")
    )
    fold = '<span class="waterfall-fold" data-fold></span>' if row.children else '<span class="waterfall-leaf"></span>'
    count = f'<span class="waterfall-count">{row.descendants}</span>' if row.children else ""
    return (
        f'<div class="waterfall-row" role="row" id="s-{row.id}" tabindex="{0 if index == 1 else -1}" '
        f'aria-level="{row.depth + 1}" aria-posinset="{row.position}" aria-setsize="{row.siblings}" '
        f'aria-rowindex="{index}" data-kind="{kind}" data-status="{escape(span.status)}"{flags}>'
        f'<div class="waterfall-name" role="gridcell">'
        f'<svg class="waterfall-indent" width="{row.indent}" height="1" aria-hidden="true"></svg>{fold}'
        f'<svg class="icon" width="14" height="14" aria-hidden="true"><use href="#kind-{kind}"/></svg>'
        f'<a class="truncate" href="?span={row.id}" tabindex="-1">{escape(visible(span.name))}</a>'
        f'{count}{_badge(row, span, words)}</div><div role="gridcell"><svg class="waterfall-bar" aria-hidden="true">'
        f'<rect x="{row.x}" y="0" width="{row.bar}" height="100%"/></svg></div>'
        f'<div class="waterfall-self num" role="gridcell">{duration(row.self_ns)}</div>'
        f'<div class="waterfall-time num" role="gridcell">{duration(span.duration_ns)}</div></div>'
    )


def _badge(row: Row, span: Head, words: dict[str, str]) -> str:
    if span.status == "error":
        text, css = span.error_type or words["error"], "waterfall-mark waterfall-failed"
    elif span.status == "waiting":
        text, css = words["waiting"], "waterfall-mark waterfall-waits"
    elif row.slow:
        text, css = words["slow"], "waterfall-mark"
    elif row.orphan:
        text, css = words["orphan"], "waterfall-mark"
    else:
        return ""
    return f'<span class="{css}">{escape(visible(text))}</span>'
