"""The form of a budget: dollars and percent, as people think of them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models.user import validate_time_zone
from metrics import wire
from metrics.budgeting import LIMIT_NANOS_MAX, SCOPE_CHARS, WARN_SHARE
from metrics.models import Budget

NANOS = 1_000_000_000
PERCENT = 100


class BudgetForm(forms.Form):
    """What may be spent on what, in which period, and what then."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    limit = forms.DecimalField(
        label=_("Amount in US dollars"),
        max_digits=19,
        decimal_places=9,
        min_value=Decimal("0.000000001"),
        max_value=LIMIT_NANOS_MAX // NANOS,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    period = forms.ChoiceField(
        label=_("For each"), choices=Budget.Period.choices, initial=Budget.Period.MONTH, widget=forms.RadioSelect
    )
    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        validators=[validate_time_zone],
        help_text=_("A period begins at midnight there: of the day, of Monday, of the first of the month."),
    )
    agent = forms.CharField(
        label=_("Agent"),
        max_length=SCOPE_CHARS,
        required=False,
        help_text=_("Leave it and the model empty for everything that the project spends."),
    )
    model = forms.CharField(label=_("Model"), max_length=SCOPE_CHARS, required=False)
    warn_percent = forms.DecimalField(
        label=_("Warn from, in percent"),
        max_digits=4,
        decimal_places=1,
        min_value=Decimal("0.1"),
        max_value=PERCENT,
        initial=int(WARN_SHARE * PERCENT),
    )
    when_spent = forms.ChoiceField(
        label=_("When it is spent"),
        choices=Budget.WhenSpent.choices,
        initial=Budget.WhenSpent.WARN,
        widget=forms.RadioSelect,
        help_text=_("Handrail stops nobody by itself: agents ask, and a policy can have people look."),
    )

    def __init__(self, *args: Any, suggested: Mapping[str, Sequence[str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggested = dict(suggested or {})
        for name in self.suggested:
            self.fields[name].widget.attrs |= {"list": f"known-{name}", "autocomplete": "off"}

    def values(self) -> dict[str, Any]:
        """What was typed, as a draft takes it."""
        cleaned = dict(self.cleaned_data)
        cleaned["limit_nanos"] = int(cleaned.pop("limit") * NANOS)
        cleaned["warn_share"] = cleaned.pop("warn_percent") / PERCENT
        return cleaned

    @staticmethod
    def initial_of(budget: Budget) -> dict[str, Any]:
        """The form's values for a budget that is changed."""
        same = ("name", "period", "time_zone", "agent", "model", "when_spent")
        return {
            **{name: getattr(budget, name) for name in same},
            # Never with an exponent, as Decimal writes 50 once it is normalized.
            "limit": wire.usd(budget.limit_nanos),
            "warn_percent": format((budget.warn_share * PERCENT).normalize(), "f"),
        }
