"""What people fill in about labelled examples: which they want to see, corrections, and the project's labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from reviews.models import FeedbackExample
from reviews.selectors.feedback import NO_OUTCOME, FeedbackFilter, Taxonomy
from reviews.services.feedback_corrections import REASON_CHARS
from reviews.services.feedback_labels import LabelDraft
from reviews.services.outcomes import OUTCOMES

FILTER_CHARS = 200
FILTERS = ("action", "verdict", "agent", "label", "outcome", "from", "to")
DAY = timedelta(days=1)


def chosen(query: Mapping[str, Any]) -> dict[str, str]:
    """What the address of the page chooses, without what makes no sense."""
    found = {name: str(query.get(name, ""))[:FILTER_CHARS].replace("\x00", "") for name in FILTERS}
    if found["verdict"] not in FeedbackExample.Verdict.values:
        found["verdict"] = ""
    if found["outcome"] not in (*OUTCOMES, NO_OUTCOME):
        found["outcome"] = ""
    for name in ("from", "to"):
        if _midnight(found[name]) is None:
            found[name] = ""
    return found


def filter_of(found: Mapping[str, str]) -> FeedbackFilter:
    """The filter that `chosen` means. Days are the reader's, and `to` is one of them."""
    last = _midnight(found["to"])
    return FeedbackFilter(
        action=found["action"],
        agent=found["agent"],
        verdict=found["verdict"],
        label=found["label"],
        outcome=found["outcome"],
        recorded_since=_midnight(found["from"]),
        recorded_until=last + DAY if last else None,
        undecided=found["verdict"] in FeedbackExample.UNDECIDED,
    )


def _midnight(text: str) -> datetime | None:
    try:
        day = parse_date(text)
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(day, time())) if day else None


class CorrectionForm(forms.Form):
    """Other labels and another reason for an example."""

    labels = forms.MultipleChoiceField(label=_("Labels"), required=False, widget=forms.CheckboxSelectMultiple)
    others = forms.CharField(
        label=_("Other labels"),
        required=False,
        max_length=1_000,
        help_text=_("Separated by commas."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=REASON_CHARS, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, example: FeedbackExample, taxonomy: Taxonomy, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"labels": example.labels, "reason": example.reason})
        super().__init__(*args, **kwargs)
        names = list(dict.fromkeys([*taxonomy.names, *example.labels]))
        field = self.fields["labels"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in names]
        if not names:
            del self.fields["labels"]
        if taxonomy.closed:
            del self.fields["others"]

    @property
    def given(self) -> list[str]:
        """The labels that were given, both ways."""
        written = self.cleaned_data.get("others", "").split(",")
        return [*self.cleaned_data.get("labels", []), *(name.strip() for name in written if name.strip())]


class TaxonomyForm(forms.Form):
    """A project's labels, one on a line, and what it wants of its examples."""

    labels = forms.CharField(
        label=_("Labels"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_(
            "One per line, and behind a colon when to give it: “Wrong amount: more or less than was asked for”. "
            "A label that is taken out is offered no more; examples that have it keep it."
        ),
    )
    closed = forms.BooleanField(
        label=_("Reviewers may give only these labels"),
        required=False,
        help_text=_("And those that the agent itself offers with its request."),
    )
    reviewer_names = forms.BooleanField(
        label=_("Examples name their reviewers"),
        required=False,
        help_text=_("Otherwise they have pseudonyms, which stay the same within this project."),
    )

    def drafts(self) -> list[LabelDraft]:
        """The labels that the lines describe."""
        lines = (line.partition(":") for line in self.cleaned_data["labels"].splitlines() if line.strip())
        return [LabelDraft(name.strip(), description.strip()) for name, _colon, description in lines]

    @staticmethod
    def initial_of(taxonomy: Taxonomy) -> dict[str, Any]:
        """The form's first values."""
        lines = [f"{one.name}: {one.description}" if one.description else one.name for one in taxonomy.labels]
        return {
            "labels": "\n".join(lines),
            "closed": taxonomy.closed,
            "reviewer_names": taxonomy.reviewer_names,
        }


def label_choices(taxonomy: Taxonomy, now: str) -> Sequence[str]:
    """What can be filtered by: the project's labels, and the one that is chosen."""
    return list(dict.fromkeys([*taxonomy.names, *([now] if now else [])]))
