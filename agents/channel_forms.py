"""Forms of channels and rules: they clean what was typed; the services decide."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.forms import time_zones
from agents.messages import EVENTS
from agents.models import Channel, ChannelRule, Project, Team
from agents.models.channel import RISKS
from agents.models.user import validate_time_zone
from agents.services.channels import RuleDraft

DIGESTS = [
    (0, _("Each at once")),
    (15, _("Together, every 15 minutes")),
    (60, _("Together, every hour")),
    (240, _("Together, every 4 hours")),
    (1440, _("Together, once a day")),
]

TARGETS = {
    Channel.Kind.EMAIL: (
        _("Addresses"),
        _("One on a line, at most twenty."),
        "on-call@example.com",
    ),
    Channel.Kind.APPRISE: (
        _("Apprise URL"),
        _("Slack, Teams, PagerDuty, Telegram and many more. It is kept encrypted and not shown again."),
        "slack://TokenA/TokenB/TokenC/#approvals",
    ),
    Channel.Kind.WEBHOOK: (
        _("URL"),
        _("Gets a signed POST for each event. Private addresses are refused unless the operator allows them."),
        "https://example.com/hooks/handrail",
    ),
}
"""Of each kind that has a target: its label, its help, and an example."""


class ChannelForm(forms.Form):
    """A channel's name and where it leads. When it is changed, an empty target leaves the one it has."""

    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    target = forms.CharField(max_length=2_000)

    def __init__(self, *args: Any, kind: Channel.Kind, hint: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind not in TARGETS:
            del self.fields["target"]
            return
        target = self.fields["target"]
        target.label, target.help_text, example = TARGETS[kind]
        attrs = {"placeholder": hint or example, "autocomplete": "off", "spellcheck": "false", "class": "input-mono"}
        lines = kind is Channel.Kind.EMAIL
        target.widget = forms.Textarea(attrs={**attrs, "rows": 3}) if lines else forms.TextInput(attrs=attrs)
        if hint:
            target.required = False
            target.help_text = _("Left empty, it stays as it is: %(hint)s.") % {"hint": hint}


class RuleForm(forms.Form):
    """Which news go through a channel, and when."""

    events = forms.MultipleChoiceField(
        label=_("Events"),
        choices=list(EVENTS.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen means all of them."),
    )
    min_risk = forms.ChoiceField(label=_("From this risk on"), choices=RISKS)
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.none(), required=False, empty_label=_("Any team, or none")
    )
    digest_minutes = forms.TypedChoiceField(
        label=_("When"),
        choices=DIGESTS,
        coerce=int,
        help_text=_("What is critical is always told at once, in quiet hours too."),
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("What comes in between is told together when they are over."),
    )
    time_zone = forms.CharField(
        label=_("Time zone of the quiet hours"),
        max_length=64,
        validators=[validate_time_zone],
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, project: Project, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)
        team.queryset = Team.objects.open().filter(project=project).order_by("name")
        if not team.queryset.exists():
            del self.fields["team"]
        if kind == Channel.Kind.WEBHOOK:  # a program is told at once, at any hour
            for name in ("digest_minutes", "quiet_from", "quiet_until", "time_zone"):
                del self.fields[name]

    def draft(self) -> RuleDraft:
        """What was filled in."""
        return RuleDraft(**self.cleaned_data)

    @staticmethod
    def initial_of(rule: ChannelRule) -> dict[str, Any]:
        """The form's first values."""
        return {name: getattr(rule, name) for name in RuleDraft.__dataclass_fields__}

    @staticmethod
    def zones() -> list[str]:
        """What the field for the time zone suggests."""
        return time_zones()
