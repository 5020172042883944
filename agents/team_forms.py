"""Forms of teams and of being away: they clean what was typed; the services decide."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import Team, User
from agents.selectors import members_of, stand_ins_of


class TeamForm(forms.Form):
    """A new team."""

    name = forms.CharField(
        label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Finance"})
    )


class TeamMembersForm(forms.Form):
    """A team's name and who is in it."""

    name = forms.CharField(label=_("Name"), max_length=100)
    members = forms.TypedMultipleChoiceField(
        label=_("Members"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, team: Team, **kwargs: Any) -> None:
        members = list(team.team_members.values_list("membership_id", flat=True))
        super().__init__(*args, **kwargs | {"initial": {"name": team.name, "members": members}})
        self.fields["members"].choices = [  # type: ignore[attr-defined]  # fields are typed as their base
            (row.pk, f"{row.user.display_name} ({row.get_role_display()})") for row in members_of(team.project)
        ]


class AwayForm(forms.Form):
    """From when until when somebody is away, in their own time zone, and who stands in."""

    starts_at = forms.DateTimeField(
        label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    ends_at = forms.DateTimeField(
        label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    delegate = forms.ModelChoiceField(
        label=_("Who stands in"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody: others in the team are asked"),
        help_text=_("Gets what would be put before you, in the projects where they may decide."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["delegate"].queryset = stand_ins_of(user)  # type: ignore[attr-defined]  # as above
