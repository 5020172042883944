"""What the trace list shows of its address: a chip per filter, a link per sort, hidden fields for the rest."""

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from metrics import questions
from metrics.trace_filter import TEXT_SORTS, Order

PLACE = ("cursor", "before", "seen", "waiting")
# Filters that have a control of their own on the page; all others are set by links and kept by the form.
CONTROLS = ("q", "status", "agent", "model")
TEXTS = ("name", "session", "user", "tag", "team", "prompt", "version", "error_type")
MORE = ("environment", "flag", *TEXTS, *questions.AMOUNT_FILTERS, "error")
KEPT = ("range", "from", "to", "live")

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
    "min_spans": _("Spans from"),
    "max_spans": _("Spans to"),
    "min_errors": _("Errors from"),
    "max_errors": _("Errors to"),
}
_SORTED_BY: dict[str, Promise] = {
    "start": _("Began"),
    "duration": _("Duration"),
    "spans": _("Spans"),
    "errors": _("Errors"),
    "tokens": _("Tokens"),
    "cost": _("Cost"),
    "name": _("Trace"),
    "user": _("User"),
    "session": _("Session"),
}
# What is typed behind “More filters”, beside the texts: parameter, unit of the smallest step.
_AMOUNTS: dict[str, tuple[Promise, str]] = {
    "cost_usd": (_("Cost (USD)"), "any"),
    "duration_ms": (_("Duration (ms)"), "any"),
    "tokens": (_("Tokens"), "1"),
    "spans": (_("Spans"), "1"),
    "errors": (_("Errors"), "1"),
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
    """The headings that sort, by name: figures begin with the largest, names with A. The one that does turns round."""
    found = {}
    for name, label in _SORTED_BY.items():
        current = order.sort == name
        turned = ("" if order.ascending else "asc") if current else "asc" if name in TEXT_SORTS else ""
        url = _address(asked, sort="" if name == "start" else name, order=turned)
        state = ("ascending" if order.ascending else "descending") if current else "none"
        detail = name in {"spans", "errors", "tokens"}
        found[name] = Column(name, label, url, state, numeric=name not in {"start", *TEXT_SORTS}, detail=detail)
    return found


@dataclass(frozen=True, slots=True)
class Control:
    """A field of the form: its parameter, what it is called and what it holds."""

    name: str
    label: Promise
    value: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Two number fields of the form; `step` is the smallest difference that can be typed."""

    label: Promise
    step: str
    least: Control
    most: Control


def controls(asked: QueryDict, order: Order) -> dict[str, object]:
    """The fields behind “More filters” that are all alike, and by what the list can be sorted."""
    return {
        "text_filters": [Control(name, _NAMES[name], _given(asked, name)) for name in TEXTS],
        "amount_filters": [
            Bounds(
                label, step, *(Control(one, _NAMES[one], asked.get(one, "")) for one in (f"min_{name}", f"max_{name}"))
            )
            for name, (label, step) in _AMOUNTS.items()
        ],
        "sorts": [Control(name, label, "1" if order.sort == name else "") for name, label in _SORTED_BY.items()],
        "ascending": order.ascending,
    }


def _given(asked: QueryDict, label: str) -> str:
    return next((str(asked[name]) for name in questions.TEXT_FILTERS[label] if asked.get(name)), "")


def kept(asked: QueryDict) -> dict[str, str]:
    """What the filter form must carry along although it has no control for it."""
    labels = {*CONTROLS, *MORE}
    names = [*KEPT, *(name for label, names in _named() for name in names if label not in labels)]
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
