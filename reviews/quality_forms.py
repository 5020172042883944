"""What people fill in about the quality of labels: a judgement, a seed, and what is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Project, Team
from reviews.edit_form import LabellingForm
from reviews.models import ApprovalItem, QualitySettings, ReasonLabel
from reviews.services.rereview import NOTE_CHARS, WANTED_MAX, Judgement
from reviews.services.seeds import EXPLANATION_CHARS, SeedDraft

VERDICTS = {
    "approve": gettext_lazy("Approve as proposed"),
    "edit": gettext_lazy("Approve with changes"),
    "reject": gettext_lazy("Reject"),
    "respond": gettext_lazy("Answer in its place"),
}


def verdict_choices(item: ApprovalItem) -> list[tuple[str, Any]]:
    """The verdicts that an action allows, in words."""
    return [(name, words) for name, words in VERDICTS.items() if name in item.allowed_decisions]


class JudgementForm(LabellingForm):
    """What somebody would decide."""

    verdict = forms.ChoiceField(label=gettext_lazy("What would you decide?"), widget=forms.RadioSelect)
    note = forms.CharField(
        label=gettext_lazy("Why"),
        required=False,
        max_length=NOTE_CHARS,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Or what should be changed. No agent is told."),
    )

    def __init__(self, *args: Any, item: ApprovalItem, labels: Sequence[ReasonLabel], **kwargs: Any) -> None:
        super().__init__(*args, labels=labels, **kwargs)
        field = self.fields["verdict"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = verdict_choices(item)
        self.order_fields(["verdict", "labels", "note"])

    def judgement(self) -> Judgement:
        """What was said. The form is valid."""
        values = self.cleaned_data
        return Judgement(verdict=values["verdict"], labels=self.labels, note=values["note"])


class SeedForm(forms.Form):
    """The right answer to a request, and why."""

    known = forms.ChoiceField(label=gettext_lazy("The right answer"), widget=forms.RadioSelect)
    explanation = forms.CharField(
        label=gettext_lazy("Why this is right"),
        max_length=EXPLANATION_CHARS,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Shown to those who answered it, once the seed is retired."),
    )

    def __init__(self, *args: Any, item: ApprovalItem, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["known"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = verdict_choices(item)

    def draft(self) -> SeedDraft:
        """The seed. The form is valid."""
        return SeedDraft(known=self.cleaned_data["known"], explanation=self.cleaned_data["explanation"])


class QualityForm(forms.Form):
    """What is drawn from the decisions, and who looks at it once more."""

    percent = forms.FloatField(
        label=gettext_lazy("Share of the decided actions, in percent"),
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("Drawn by chance when a request closes. 0 draws nothing; seeds are asked all the same."),
    )
    wanted = forms.IntegerField(
        label=gettext_lazy("People who look at each"),
        min_value=1,
        max_value=WANTED_MAX,
        help_text=gettext_lazy("Besides the one who decided it."),
    )
    team = forms.ChoiceField(
        label=gettext_lazy("Who is asked"),
        required=False,
        help_text=gettext_lazy("Only those whose role lets them decide."),
    )

    def __init__(self, *args: Any, project: Project, now: QualitySettings, **kwargs: Any) -> None:
        start = {"percent": round(100 * now.share, 4), "wanted": now.wanted, "team": now.team.slug if now.team else ""}
        super().__init__(*args, **{"initial": start, **kwargs})
        self.teams = {team.slug: team for team in project.teams.open().order_by("name")}
        field = self.fields["team"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("Everybody who may decide")), *((slug, team.name) for slug, team in self.teams.items())]

    @property
    def share(self) -> float:
        """0 to 1. The form is valid."""
        return float(self.cleaned_data["percent"]) / 100

    @property
    def chosen_team(self) -> Team | None:
        """None for everybody."""
        return self.teams.get(self.cleaned_data["team"])
