"""The form of a dataset. What cannot be is found by `reviews.services.datasets`, as for the API."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from reviews.freezing import OUTCOMES, SPLITS
from reviews.services.datasets import DESCRIPTION_CHARS, NAME_CHARS, SHARES, DatasetDraft

NAMED = ("action", "verdict", "agent", "label", "outcome")
VERDICTS = [
    ("", _("Any")),
    ("approve", _("Approve")),
    ("edit", _("Edit")),
    ("reject", _("Reject")),
    ("respond", _("Respond")),
]
OUTCOME_NAMES = [
    ("", _("Any")),
    *zip(OUTCOMES, (_("Succeeded"), _("Failed"), _("Reverted"), _("Not known")), strict=True),
]


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DatasetForm(forms.Form):
    """A dataset to save. The names of its filters are those of the page of examples."""

    name = forms.CharField(label=_("Name"), max_length=NAME_CHARS)
    description = forms.CharField(label=_("What it is for"), max_length=DESCRIPTION_CHARS, required=False)
    action = forms.CharField(label=_("Action"), max_length=200, required=False)
    verdict = forms.ChoiceField(label=_("Verdict"), choices=VERDICTS, required=False)
    agent = forms.CharField(label=_("Agent"), max_length=200, required=False)
    label = forms.CharField(label=_("Label"), max_length=100, required=False)
    outcome = forms.ChoiceField(label=_("Outcome"), choices=OUTCOME_NAMES, required=False)
    since = forms.DateField(label=_("Decided from"), required=False, widget=_day())
    until = forms.DateField(
        label=_("Decided until"), required=False, widget=_day(), help_text=_("The last day that counts.")
    )
    train = forms.IntegerField(label=_("Train, in percent"), min_value=0, max_value=100, initial=SHARES["train"])
    validation = forms.IntegerField(
        label=_("Validation, in percent"), min_value=0, max_value=100, initial=SHARES["validation"]
    )
    test = forms.IntegerField(
        label=_("Test, in percent"),
        min_value=0,
        max_value=100,
        initial=SHARES["test"],
        help_text=_("A session is in one split only, the same in every version."),
    )
    masks = forms.BooleanField(
        label=_("Mask personal data and secrets"),
        required=False,
        initial=True,
        help_text=_("As the project's masking says, when a version is frozen."),
    )

    def draft(self) -> DatasetDraft:
        """What was filled in. Days are the reader's own."""
        values = self.cleaned_data
        filters = {name: values[name] for name in NAMED if values[name]}
        if values["since"]:
            filters["since"] = _midnight(values["since"])
        if values["until"]:
            filters["until"] = _midnight(values["until"] + timedelta(days=1))
        return DatasetDraft(
            name=values["name"],
            description=values["description"],
            filters=filters,
            shares={split: values[split] for split in SPLITS},
            masks=values["masks"],
        )

    def refuse(self, error: ValidationError) -> None:
        """Says what the service refused, beside the field that it is about."""
        for field, found in error.message_dict.items():
            self.add_error(field if field in self.fields else None, [str(message) for message in found])


def initial_of(query: Any) -> dict[str, str]:
    """What the page of examples was narrowed to, as the form begins with it."""
    found = {name: query.get(name, "")[:200] for name in NAMED}
    return found | {"since": query.get("from", "")[:10], "until": query.get("to", "")[:10]}


def _midnight(day: date) -> str:
    return timezone.make_aware(datetime.combine(day, time())).isoformat()
