"""The form of a project's masking: what it masks, how, and its own patterns as rows that work without scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from metrics.ingest.masking_own import MAX_PATTERNS, OwnPattern, Wrong
from metrics.ingest.masking_rules import CARD, EMAIL, IBAN, KINDS, NATIONAL, PHONE, SECRET
from metrics.models import MaskingPolicy
from metrics.models.masking import MaskingMode

KIND_LABELS = {
    SECRET: _("Keys, tokens and passwords"),
    EMAIL: _("E-mail addresses"),
    CARD: _("Payment cards"),
    IBAN: _("Bank accounts (IBAN)"),
    NATIONAL: _("National numbers: social security, tax and identity"),
    PHONE: _("Phone numbers"),
}
MODE_LABELS = [
    (MaskingMode.REDACT.value, _("By its kind: [email]")),
    (MaskingMode.PSEUDONYM.value, _("By a pseudonym that is always the same: [email:3f9c2a81b0]")),
]
SAMPLE_CHARS = 20_000


def kind_choices() -> list[tuple[str, str]]:
    """Every built-in kind with its name in the API."""
    words = "<span>{} <code class='faint small'>{}</code></span>"
    return [(kind, format_html(words, KIND_LABELS[kind], kind)) for kind in KINDS]


class MaskingForm(forms.Form):
    """What to mask, and what stands in its place. The project's own patterns are rows beside it."""

    enabled = forms.BooleanField(
        label=_("Mask telemetry before it is stored"),
        required=False,
        help_text=_("What was masked cannot be brought back. What is stored already stays as it is."),
    )
    mode = forms.ChoiceField(
        label=_("What was masked is replaced"),
        choices=MODE_LABELS,
        widget=forms.RadioSelect,
        help_text=_("Ids of users and sessions get pseudonyms either way, so that they can still be told apart."),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Kinds"), choices=kind_choices, widget=forms.CheckboxSelectMultiple, required=False
    )

    @staticmethod
    def initial_of(policy: MaskingPolicy) -> dict[str, Any]:
        """The form's first values."""
        return {"enabled": policy.enabled, "mode": policy.mode, "kinds": policy.kinds}


class SampleForm(forms.Form):
    """Text to try the masking on."""

    sample = forms.CharField(
        label=_("Text"), max_length=SAMPLE_CHARS, strip=False, widget=forms.Textarea(attrs={"rows": 5})
    )


@dataclass(slots=True)
class PatternRow:
    """One line of the editor of own patterns, and what is wrong with it."""

    name: str = ""
    pattern: str = ""
    wrong_name: str = ""
    wrong_pattern: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.name and not self.pattern

    def own(self) -> OwnPattern:
        """The pattern of the row."""
        return OwnPattern(self.name, self.pattern)


def rows_of(policy: MaskingPolicy) -> list[PatternRow]:
    """The rows of what is stored."""
    return [PatternRow(one["name"], one["pattern"]) for one in policy.patterns]


def posted_rows(data: QueryDict) -> list[PatternRow]:
    """The rows as they were sent; `do=remove:<place>` takes one away."""
    names, patterns = data.getlist("pattern_name"), data.getlist("pattern")
    rows = [PatternRow(name.strip(), pattern) for name, pattern in zip(names, patterns, strict=False)]
    word, _colon, place = data.get("do", "").partition(":")
    if word == "remove" and place.isdecimal() and int(place) < len(rows):
        del rows[int(place)]
    return rows[:MAX_PATTERNS]


def checked(rows: Sequence[PatternRow]) -> bool:
    """Whether every row that says something can be used; notes what is wrong."""
    names: set[str] = set()
    for row in rows:
        if row.is_empty:
            continue
        try:
            row.own().check()
        except Wrong as error:
            row.wrong_name = str(error) if error.member == "name" else ""
            row.wrong_pattern = str(error) if error.member == "pattern" else ""
        if row.name in names:
            row.wrong_name = str(_("Another pattern has this name."))
        names.add(row.name)
    return not any(row.wrong_name or row.wrong_pattern for row in rows)
