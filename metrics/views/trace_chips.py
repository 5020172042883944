"""What the trace list shows of its address: a chip per filter, a link per sort, hidden fields for the rest."""

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics import questions
from metrics.trace_filter import Order

PLACE = ("cursor", "before", "seen", "waiting")
# Filters that have a control of their own on the page; all others are set by links and kept by the form.
CONTROLS = ("q", "status", "agent", "model")
MORE = ("environment", "version", "flag", "error_type", *questions.AMOUNT_FILTERS, "error")
KEPT = ("range", "from", "to", "sort", "order", "live")

_NAMES: dict[str, Promise] = {
    "q": _("Search"),
    "status": _("Status"),
    "agent": _("Agent"),
    "model": _("Model"),
    "session": _("Session"),
    "user": _("User"),
    "environment": _("Environment"),
    "tag": _("Tag"),
    "team": _("Team"),
    "version": _("Version"),
    "prompt": _("Prompt"),
    "flag": _("Flagged"),
    "name": _("Name begins with"),
    "error_type": _("Error"),
    "error": _("Any span failed"),
    "min_cost_usd": _("Cost from $"),
    "max_cost_usd": _("Cost to $"),
    "min_duration_ms": _("Duration from ms"),
    "max_duration_ms": _("Duration to ms"),
    "min_tokens": _("Tokens from"),
    "max_tokens": _("Tokens to"),
}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on, and the address of the list without it. A switch has no value."""

    label: Promise
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Column:
    """A heading that sorts: `sorted` is descending, ascending or none, as ARIA says it."""

    name: str
    label: Promise
    url: str
    sorted: str
    numeric: bool = True
    detail: bool = False


def chips(asked: QueryDict) -> list[Chip]:
    """A chip for every filter in the address."""
    found = []
    for label, names in _named():
        given = [name for name in names if asked.get(name, "").strip()]
        if given:
            value = "" if label == "error" else str(asked[given[0]])
            found.append(Chip(_NAMES[label], value, _address(asked, **dict.fromkeys(names, ""))))
    return found


def _named() -> list[tuple[str, tuple[str, ...]]]:
    return [(label, questions.TEXT_FILTERS.get(label, (label,))) for label in _NAMES]


def columns(asked: QueryDict, order: Order) -> dict[str, Column]:
    """The headings that sort, by name. The one that does turns its direction round."""
    labels = {
        "start": _("Began"),
        "duration": _("Duration"),
        "spans": _("Spans"),
        "errors": _("Errors"),
        "tokens": _("Tokens"),
        "cost": _("Cost"),
    }
    found = {}
    for name, label in labels.items():
        current = order.sort == name
        turned = "asc" if current and not order.ascending else ""
        url = _address(asked, sort="" if name == "start" else name, order=turned)
        state = ("ascending" if order.ascending else "descending") if current else "none"
        detail = name in {"spans", "errors", "tokens"}
        found[name] = Column(name, label, url, state, numeric=name != "start", detail=detail)
    return found


def kept(asked: QueryDict) -> dict[str, str]:
    """What the filter form must carry along although it has no control for it."""
    names = [*KEPT, *(name for _label, names in _named() for name in names if name not in {*CONTROLS, *MORE})]
    return {name: str(asked[name]) for name in names if asked.get(name)}


def more_active(asked: QueryDict) -> int:
    """How many filters are on behind “More filters”."""
    return sum(1 for name in MORE if asked.get(name))


def _address(asked: QueryDict, **changed: str) -> str:
    parameters = asked.copy()
    for name in PLACE:
        parameters.pop(name, None)
    for name, value in changed.items():
        if value:
            parameters[name] = value
        else:
            parameters.pop(name, None)
    return f"?{parameters.urlencode()}"
