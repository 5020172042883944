"""Forms of telemetry pages: they clean what was typed; the services decide."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from metrics.models import Score
from metrics.scoring import COMMENT_CHARS, LABEL_CHARS, NAME_CHARS


class ScoreForm(forms.Form):
    """What somebody thinks of a trace or a span: a number, a label, or both."""

    name = forms.CharField(label=_("Name"), max_length=NAME_CHARS)
    value = forms.FloatField(label=_("Number"), required=False, widget=forms.NumberInput(attrs={"step": "any"}))
    label = forms.CharField(label=_("Label"), max_length=LABEL_CHARS, required=False)
    comment = forms.CharField(
        label=_("Comment"), max_length=COMMENT_CHARS, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, names: Iterable[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = list(names)
        self.fields["name"].widget.attrs |= {"list": self.auto_id_of("names"), "autocomplete": "off"}

    def auto_id_of(self, name: str) -> str:
        """The id of an element of this form: there may be several forms on a page."""
        return str(self.auto_id) % name

    @property
    def names_id(self) -> str:
        """The id of the list of suggested names."""
        return self.auto_id_of("names")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and cleaned.get("value") is None and not cleaned.get("label"):
            self.add_error("value", _("Give a number or a label."))
        return cleaned

    @staticmethod
    def initial_of(score: Score) -> dict[str, Any]:
        """The form's values for a score that is corrected."""
        return {"name": score.name, "value": score.value, "label": score.label, "comment": score.comment}
