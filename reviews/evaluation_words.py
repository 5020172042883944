"""What evaluations are called and said in words: dimensions, what they measure, what to do about them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.templatetags.ui import number, percent, seconds
from metrics.evaluation import FEWEST_OF_GROUP, LESS_IS_BETTER, Dimension, Evaluation, Finding
from metrics.models import EvaluationStandard

LABELS = {
    Dimension.CORRECTNESS: gettext_lazy("Correctness"),
    Dimension.PERFORMANCE: gettext_lazy("Performance"),
    Dimension.ROBUSTNESS: gettext_lazy("Robustness"),
    Dimension.SECURITY: gettext_lazy("Security"),
    Dimension.EXPLAINABILITY: gettext_lazy("Explainability"),
    Dimension.FAIRNESS: gettext_lazy("Fairness"),
}
MEANINGS = {
    Dimension.CORRECTNESS: gettext_lazy("share of judged cases that were right, by outcomes and scores"),
    Dimension.PERFORMANCE: gettext_lazy("time of a request at p95"),
    Dimension.ROBUSTNESS: gettext_lazy("share of requests that failed"),
    Dimension.SECURITY: gettext_lazy("share of checks without an injection or guardrail flag"),
    Dimension.EXPLAINABILITY: gettext_lazy("share of proposed actions that came with a reason"),
    Dimension.FAIRNESS: gettext_lazy("largest gap between groups"),
}


def figure(name: Dimension, value: float | None) -> str:
    """A figure in the unit of its dimension."""
    return seconds(value) if name is Dimension.PERFORMANCE else percent(value)


def interval(one: Finding) -> str:
    """Where the figure lies with 95 % confidence, as far as it can be told."""
    if one.at.low is None and one.at.high is None:
        return ""
    low, high = figure(one.dimension, one.at.low), figure(one.dimension, one.at.high)
    if one.at.high is None:
        return _("%(low)s or more") % {"low": low}
    return _("%(high)s or less") % {"high": high} if one.at.low is None else f"{low} – {high}"


def target(one: Finding) -> str:
    """What is asked for: ≥ 85%, ≤ 5.00 s."""
    sign = "≤" if one.dimension in LESS_IS_BETTER else "≥"
    return f"{sign} {figure(one.dimension, one.target)}"


def verdict(one: Finding) -> str:
    """Whether the target is met, and whether that can be told for sure."""
    if one.met is None:
        return _("no data")
    if one.met:
        return _("met") if one.sure else _("met, not yet sure")
    return _("not met") if one.sure else _("not met, not yet sure")


def notes(one: Finding) -> list[str]:
    """What else is known of a dimension."""
    said: list[str] = []
    values = one.notes
    if one.dimension is Dimension.PERFORMANCE and one.known:
        said.append(_("p50 %(p50)s, p99 %(p99)s") % {"p50": seconds(values["p50"]), "p99": seconds(values["p99"])})
    if one.dimension is Dimension.ROBUSTNESS and values.get("of"):
        shown = {"late": percent(values["timed_out"]), "back": percent(values["recovered"]), "n": number(values["of"])}
        said.append(_("of %(n)s traces %(late)s ran out of time, %(back)s came through after a failed step") % shown)
    if one.dimension is Dimension.FAIRNESS:
        said += _groups(values)
    return said


def _groups(values: Mapping[str, object]) -> list[str]:
    said = []
    if "best" in values:
        shown = {
            "best": values["best"],
            "worst": values["worst"],
            "high": percent(_ratio(values["best_share"])),
            "low": percent(_ratio(values["worst_share"])),
        }
        by_right = values.get("by") == "correctness"
        words = _("right: %(best)s %(high)s, %(worst)s %(low)s") if by_right else ""
        said.append((words or _("without error: %(best)s %(high)s, %(worst)s %(low)s")) % shown)
    if values.get("small"):
        text = _("%(n)s groups have fewer than %(few)s cases and are not compared")
        said.append(text % {"n": values["small"], "few": FEWEST_OF_GROUP})
    return said


def _ratio(value: object) -> float | None:
    return value if isinstance(value, float) else None


def how_to_get(name: Dimension, row: EvaluationStandard) -> str:
    """What to do so that a dimension gets data."""
    names = ", ".join(row.score_names) or _("none is chosen")
    words = {
        Dimension.CORRECTNESS: _(
            "Record outcomes of approved actions, or score traces, from 0 to 1 or in the range of their config, under "
            "one of these names: %(names)s."
        ),
        Dimension.PERFORMANCE: _("Send traces of this version."),
        Dimension.ROBUSTNESS: _("Send traces of this version."),
        Dimension.SECURITY: _("Nothing was checked yet: send the text of spans, or spans of guardrails."),
        Dimension.EXPLAINABILITY: _("Ask for approval with a summary, a description, or a reason in the context."),
    }
    if name is Dimension.FAIRNESS:
        if not row.attribute:
            return _("Choose the key of the metadata by which groups are compared.")
        return _("Send “%(key)s” in the metadata of traces: two groups need %(few)s cases each.") % {
            "key": row.attribute,
            "few": FEWEST_OF_GROUP,
        }
    return words[name] % {"names": names}


def recommendations(found: Evaluation, row: EvaluationStandard) -> list[str]:
    """What to do next, the dimension that costs the overall score most first; what has no data comes last."""
    missed = [one for one in found.findings if one.met is False]
    missed.sort(key=lambda one: -(one.share or 0.0) * (1 - (one.goodness or 0.0)))
    said = [_about(one) for one in missed]
    unsure = [one for one in found.findings if one.met and not one.sure]
    said += [
        _("%(name)s meets its target, but %(n)s cases are too few to be sure: look again with more.")
        % {"name": LABELS[one.dimension], "n": number(one.count)}
        for one in unsure
    ]
    said += [f"{LABELS[name]}: {how_to_get(name, row)}" for name in found.missing]
    return said or [_("Every target is met.")]


def _about(one: Finding) -> str:
    """What a missed target asks for."""
    words = {
        Dimension.CORRECTNESS: _("%(at)s of the judged cases were right, the target is %(to)s: look at the others."),
        Dimension.PERFORMANCE: _("p95 is %(at)s, the target is %(to)s: look at the slowest steps."),
        Dimension.ROBUSTNESS: _("%(at)s of the requests failed, the target is %(to)s: look at the errors by type."),
        Dimension.SECURITY: _("%(at)s of the checks found nothing, the target is %(to)s: look at the flagged traces."),
        Dimension.EXPLAINABILITY: _("%(at)s of the actions had a reason, the target is %(to)s: send one with each."),
        Dimension.FAIRNESS: _("The largest gap between groups is %(at)s, the target is %(to)s: compare their traces."),
    }  # fmt: skip
    text = words[one.dimension] % {"at": figure(one.dimension, one.at.value), "to": target(one)}
    return text if one.sure else f"{text} {_('With so few cases this may be chance.')}"


def left_out(found: Evaluation) -> str:
    """Which dimensions the overall score does without; empty when it has them all."""
    names: Sequence[str] = [str(LABELS[name]) for name in found.missing]
    if not names or found.overall is None:
        return ""
    shown = {"names": ", ".join(names), "share": percent(found.covered)}
    return _("without %(names)s: no data. The score stands on %(share)s of the weights, scaled up to all.") % shown
