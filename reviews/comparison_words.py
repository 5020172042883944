"""A comparison in words: what is better and by how much, what cannot be told yet and what that would take. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.templatetags.ui import money, number, percent, seconds
from reviews.comparing import Compared, Measure, by_chance

LABELS = {
    Measure.ERRORS: gettext_lazy("Failed traces"),
    Measure.P50: gettext_lazy("Time of a trace, p50"),
    Measure.P95: gettext_lazy("Time of a trace, p95"),
    Measure.COST: gettext_lazy("Cost of a trace, mean"),
    Measure.APPROVALS: gettext_lazy("Approved of decided"),
    Measure.OUTCOMES: gettext_lazy("Succeeded of known outcomes"),
    Measure.SCORES: gettext_lazy("Scored right"),
}
CASES = {Measure.APPROVALS: gettext_lazy("decided requests"), Measure.OUTCOMES: gettext_lazy("outcomes")}
MOST_MORE = 1_000_000
SUBJECTS = {
    Measure.ERRORS: gettext_lazy("errors"),
    Measure.P50: gettext_lazy("speed at p50"),
    Measure.P95: gettext_lazy("speed at p95"),
    Measure.COST: gettext_lazy("cost"),
    Measure.APPROVALS: gettext_lazy("approvals"),
    Measure.OUTCOMES: gettext_lazy("outcomes"),
    Measure.SCORES: gettext_lazy("scores"),
}
SIDES = {"a": "A", "b": "B"}
SMALL_NANOS, NANOS_PER_DOLLAR = 10_000_000, 1_000_000_000
"""A cent: below, four places are less than two digits."""


def _seconds(value: float | None) -> str:
    return seconds(value)


def _money(value: float | None) -> str:
    """As everywhere, but what is smaller than that can show has two digits: here it is what is compared."""
    if value is None or not 0 < abs(value) < SMALL_NANOS:
        return money(None if value is None else round(value))
    dollars = abs(value) / NANOS_PER_DOLLAR
    places = 1 - math.floor(math.log10(dollars))
    return f"{'−' if value < 0 else ''}${dollars:.{places}f}"


def _points(value: float | None) -> str:
    """A difference of shares, in points of a percentage."""
    return "–" if value is None else _("%(n)s points") % {"n": f"{value * 100:.1f}".rstrip("0").rstrip(".")}


_WORD: Mapping[Measure, Callable[[float | None], str]] = {
    Measure.P50: _seconds,
    Measure.P95: _seconds,
    Measure.COST: _money,
}


def figure(measure: Measure, value: float | None) -> str:
    """A figure of one side in the unit of the measure."""
    return _WORD.get(measure, percent)(value)


def gap(measure: Measure, value: float | None) -> str:
    """A difference in the unit of the measure."""
    return _WORD.get(measure, _points)(value)


def signed(measure: Measure, value: float | None) -> str:
    """A difference with its sign."""
    text = gap(measure, None if value is None else abs(value))
    if not value:
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def interval(one: Compared) -> str:
    """Where the difference lies with 95 % confidence; empty when that cannot be told."""
    if one.difference.low is None or one.difference.high is None:
        return ""
    ends = {"low": signed(one.measure, one.difference.low), "high": signed(one.measure, one.difference.high)}
    return _("%(low)s to %(high)s") % ends


def sentence(one: Compared) -> str:
    """What there is to say of one measure."""
    if not one.known:
        text = _("Of %(what)s nothing is known on one side.") if any(one.counts) else _("Of %(what)s nothing is known.")
        return text % {"what": SUBJECTS[one.measure]}
    if one.clear:
        return _better(one)
    if one.difference.low is None:
        text = _("%(what)s: there are too few cases to tell a difference.")
        return text % {"what": str(SUBJECTS[one.measure]).capitalize()}
    return _("No difference in %(what)s can be told yet%(hint)s.") % {
        "what": SUBJECTS[one.measure],
        "hint": _hint(one),
    }


def _better(one: Compared) -> str:
    side = SIDES[one.better]
    value, low, high = (abs(end or 0.0) for end in one.difference)
    amount, least, most = (gap(one.measure, end) for end in (value, min(low, high), max(low, high)))
    words = {
        Measure.ERRORS: _("%(side)s fails less often: %(amount)s less (%(least)s to %(most)s)."),
        Measure.P50: _("%(side)s is faster: p50 %(amount)s less (%(least)s to %(most)s)."),
        Measure.P95: _("%(side)s is faster: p95 %(amount)s less (%(least)s to %(most)s)."),
        Measure.COST: _("%(side)s costs less: %(amount)s less per trace (%(least)s to %(most)s)."),
        Measure.APPROVALS: _("%(side)s is approved more often: %(amount)s more (%(least)s to %(most)s)."),
        Measure.OUTCOMES: _("%(side)s succeeds more often: %(amount)s more (%(least)s to %(most)s)."),
        Measure.SCORES: _("%(side)s is scored right more often: %(amount)s more (%(least)s to %(most)s)."),
    }
    text = words[one.measure] % {"side": side, "amount": amount, "least": least, "most": most}
    return text if one.holds else f"{text} {_('Among so many measures this may be chance.')}"


def _hint(one: Compared) -> str:
    """How many more cases a difference like this would take."""
    if one.more is None:
        return ""
    if one.more > MOST_MORE:
        return _(", and one as small as this would take more than a million")
    cases = CASES.get(one.measure, _("traces"))
    return _(", about %(n)s more %(cases)s needed for one of %(size)s") % {
        "n": number(_rounded(one.more)),
        "cases": cases,
        "size": gap(one.measure, abs(one.difference.value or 0.0)),
    }


def _rounded(count: int) -> int:
    """To two digits: more are not known of what is to come."""
    step: int = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // step) * step


def verdict(found: Sequence[Compared]) -> list[str]:
    """What there is to say altogether: what is clear, what is not yet, what nobody knows."""
    clear = [one for one in found if one.clear]
    unclear = [one for one in found if one.known and not one.clear]
    said = [sentence(one) for one in [*clear, *unclear]]
    unknown = [one for one in found if not one.known]
    if lopsided := _named(one for one in unknown if any(one.counts)):
        said.append(_("Nothing is known on one side of: %(names)s.") % {"names": lopsided})
    if neither := _named(one for one in unknown if not any(one.counts)):
        said.append(_("Nothing is known of: %(names)s.") % {"names": neither})
    return said


def _named(found: Iterable[Compared]) -> str:
    return ", ".join(str(SUBJECTS[one.measure]) for one in found)


def caution(found: Sequence[Compared]) -> str:
    """What it means to look at so many measures at once; empty when there is at most one."""
    asked = sum(one.p is not None for one in found)
    if asked < 2:
        return ""
    text = _(
        "%(n)s measures are compared, each at 95 %%: where nothing differs at all, %(share)s of such pages show a "
        "difference by chance. What is said without “may be chance” also holds when corrected for that (Holm)."
    )
    return text % {"n": asked, "share": percent(by_chance(found))}
