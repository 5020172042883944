"""What people choose to try on the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

DRAFT = "draft"
PERIODS = [
    (7, _("The last 7 days")),
    (30, _("The last 30 days")),
    (90, _("The last 90 days")),
    (365, _("The last year")),
]


class BacktestForm(forms.Form):
    """A policy, and how far back to go. `policy` is `draft` or the number of a version."""

    policy = forms.ChoiceField(label=_("Policy"))
    days = forms.TypedChoiceField(label=_("Requests of"), choices=PERIODS, coerce=int, initial=30)

    def __init__(self, *args: Any, draft: bool, versions: Sequence[int], **kwargs: Any) -> None:
        """`versions` are offered, the newest of them first, which is in force."""
        super().__init__(*args, **kwargs)
        rows = [(str(number), _("Version %(n)d") % {"n": number}) for number in versions]
        rows[:1] = [(str(number), _("Version %(n)d, in force") % {"n": number}) for number in versions[:1]]
        choices = [(DRAFT, _("The draft")), *rows] if draft else rows
        self.fields["policy"].choices = choices  # type: ignore[attr-defined]
