"""The form of what a project asks of its agents: a target and a weight for each dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _

from metrics.evaluation import LONGEST_P95, Dimension, Standard
from metrics.models import EvaluationStandard
from metrics.selectors.evaluation import standard_of
from metrics.services.evaluations import NAME_CHARS
from reviews.evaluation_words import LABELS

LARGEST = {Dimension.PERFORMANCE: LONGEST_P95}
TARGET_LABELS = {
    Dimension.CORRECTNESS: _("Right, at least (0 to 1)"),
    Dimension.PERFORMANCE: _("p95, at most (seconds)"),
    Dimension.ROBUSTNESS: _("Failed, at most (0 to 1)"),
    Dimension.SECURITY: _("Without a flag, at least (0 to 1)"),
    Dimension.EXPLAINABILITY: _("With a reason, at least (0 to 1)"),
    Dimension.FAIRNESS: _("Gap, at most (0 to 1)"),
}


class StandardForm(forms.Form):
    """Targets and weights by dimension, what counts as correctness, and by what groups are compared."""

    score_names = forms.CharField(
        label=_("Scores that say whether a trace was right"),
        required=False,
        help_text=_(
            "Names, separated by commas. Scores count from 0 to 1, or in the range of their config: right from half on."
        ),
    )
    attribute = forms.CharField(
        label=_("Groups are compared by"),
        required=False,
        max_length=NAME_CHARS,
        help_text=_("A key of the metadata of traces, for example region. Without one, fairness is not measured."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in Dimension:
            step = forms.NumberInput(attrs={"step": "any"})
            self.fields[f"target_{name}"] = forms.FloatField(
                label=TARGET_LABELS[name], min_value=0, max_value=LARGEST.get(name, 1.0), widget=step
            )
            self.fields[f"weight_{name}"] = forms.FloatField(
                label=_("Weight"), min_value=0, max_value=1, widget=forms.NumberInput(attrs={"step": "any"})
            )

    @staticmethod
    def initial_of(row: EvaluationStandard) -> dict[str, Any]:
        """The form's first values."""
        standard = standard_of(row)
        found: dict[str, Any] = {"score_names": ", ".join(row.score_names), "attribute": row.attribute}
        for name in Dimension:
            found[f"target_{name}"], found[f"weight_{name}"] = standard.targets[name], standard.weights[name]
        return found

    def rows(self) -> Iterator[tuple[str, BoundField, BoundField]]:
        """Each dimension with its two fields."""
        for name in Dimension:
            yield str(LABELS[name]), self[f"target_{name}"], self[f"weight_{name}"]

    def standard(self) -> Standard:
        """What was filled in; after `is_valid`."""
        given = self.cleaned_data
        return Standard(
            {name: given[f"target_{name}"] for name in Dimension}, {name: given[f"weight_{name}"] for name in Dimension}
        )

    def names(self) -> list[str]:
        """The names of scores that were filled in; after `is_valid`."""
        return str(self.cleaned_data["score_names"]).split(",")

    def refuse(self, name: str, message: str) -> None:
        """Shows why a value was refused, at its field when there is one."""
        for field in (f"target_{name}", name):
            if field in self.fields:
                self.add_error(field, message)
                return
        self.add_error(None, message)
