"""Forms of telemetry pages: they clean what was typed; the services decide."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from console.templatetags.ui import measured
from metrics.models import Score, ScoreConfig
from metrics.models.score_config import DataType
from metrics.score_rules import DESCRIPTION_CHARS, Spec, spec_of
from metrics.scoring import COMMENT_CHARS, LABEL_CHARS, NAME_CHARS, Draft, Refused


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


class ConfiguredForm(forms.Form):
    """One control for each of some score configs, and a comment. What is left empty is not scored."""

    comment = forms.CharField(
        label=_("Comment"), max_length=COMMENT_CHARS, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, configs: Iterable[ScoreConfig], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configs = {f"config-{config.pk}": config for config in configs}
        for name, config in self.configs.items():
            self.fields[name] = _control(config, needed=len(self.configs) == 1)
        self.order_fields([*self.configs, "comment"])

    @property
    def controls(self) -> list[forms.BoundField]:
        """The controls of the configs, in their order."""
        return [self[name] for name in self.configs]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and all(cleaned.get(name) in {None, ""} for name in self.configs):
            raise forms.ValidationError(_("Fill in at least one score."))
        return cleaned

    def drafts(self, *, trace_id: bytes, span_id: bytes | None, own_id: str = "") -> list[Draft]:
        """The scores that were given. With `own_id` each has an id of its own, so that giving it again corrects it."""
        found = []
        for name, config in self.configs.items():
            given = self.cleaned_data[name]
            if given is None or given == "":
                continue
            counts = config.data_type in {DataType.NUMERIC, DataType.BOOLEAN}
            found.append(
                Draft(
                    trace_id=trace_id,
                    span_id=span_id,
                    name=config.name,
                    value=float(given) if counts else None,
                    label="" if counts else given,
                    comment=self.cleaned_data["comment"],
                    external_id=f"{own_id}:{config.pk}" if own_id else None,
                )
            )
        return found

    def refuse(self, name: str, message: str) -> None:
        """Shows why the score of this name was not taken."""
        field = next((field for field, config in self.configs.items() if config.name == name), None)
        self.add_error(field, message)


def _control(config: ScoreConfig, *, needed: bool) -> forms.Field:
    """The control that can only be filled in as the config has it; `needed` where there is no other."""
    told = [text for text in (config.description, _bounds(config)) if text]
    about: dict[str, Any] = {"label": config.name, "help_text": " · ".join(told), "required": needed}
    if config.data_type == DataType.NUMERIC:
        number = forms.NumberInput(attrs={"step": "any"})
        return forms.FloatField(min_value=config.min_value, max_value=config.max_value, widget=number, **about)
    if config.data_type == DataType.TEXT:
        return forms.CharField(max_length=LABEL_CHARS, **about)
    if config.data_type == DataType.BOOLEAN:
        choices = [("", "–"), ("1", _("Yes")), ("0", _("No"))]
    else:
        choices = [("", "–"), *((one["label"], one["label"]) for one in config.categories)]
    return forms.ChoiceField(choices=choices, **about)


def _bounds(config: ScoreConfig) -> str:
    """Between what a number must be; empty where it may be any."""
    low, high = (None if end is None else measured(end) for end in (config.min_value, config.max_value))
    if low is not None and high is not None:
        return gettext("From %(low)s to %(high)s.") % {"low": low, "high": high}
    if low is not None:
        return gettext("At least %(low)s.") % {"low": low}
    return "" if high is None else gettext("At most %(high)s.") % {"high": high}


class ScoreConfigForm(forms.Form):
    """What scores of a name must look like. The type of one that exists cannot change."""

    name = forms.CharField(label=_("Name"), max_length=NAME_CHARS)
    data_type = forms.ChoiceField(label=_("What a score says"), choices=DataType.choices)
    min_value = forms.FloatField(
        label=_("At least"),
        required=False,
        help_text=_("For numbers."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    max_value = forms.FloatField(
        label=_("At most"), required=False, help_text=_("For numbers."), widget=forms.NumberInput(attrs={"step": "any"})
    )
    categories = forms.CharField(
        label=_("Categories"),
        required=False,
        max_length=20_000,
        help_text=_("One on each line; behind “=” what it counts as in averages: good = 1"),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        max_length=DESCRIPTION_CHARS,
        help_text=_("What whoever scores should look at."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, config: ScoreConfig | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if config is not None:
            self.fields["data_type"].disabled = True

    def spec(self) -> Spec | None:
        """What was asked for; None when it makes no sense, which the form then says."""
        given = self.cleaned_data
        listed = [_category(line) for line in given["categories"].splitlines() if line.strip()]
        try:
            return spec_of(given | {"categories": listed})
        except Refused as refusal:
            self.refuse(refusal)
            return None

    def refuse(self, refusal: Refused) -> None:
        """Shows a refusal at its field."""
        field = refusal.field.partition("[")[0]
        self.add_error(field if field in self.fields else None, refusal.message)

    @staticmethod
    def initial_of(config: ScoreConfig) -> dict[str, Any]:
        """The form's values for a config that is changed."""
        lines = [
            one["label"] if one["value"] is None else f"{one['label']} = {one['value']:g}" for one in config.categories
        ]
        names = ("name", "data_type", "min_value", "max_value", "description")
        return {name: getattr(config, name) for name in names} | {"categories": "\n".join(lines)}


def _category(line: str) -> dict[str, Any]:
    """A label, and what it counts as when a number stands behind the last equals sign."""
    label, equals, value = line.rpartition("=")
    try:
        return {"label": label.strip(), "value": float(value)} if equals else {"label": line.strip()}
    except ValueError:
        return {"label": line.strip()}
