"""What people fill in about annotation queues."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import Project, Team
from metrics.annotating import MOST_REVIEWERS, NAME_CHARS, RuleSpec
from metrics.models import AnnotationQueue, ScoreConfig
from metrics.models.annotation import RuleKind
from metrics.score_rules import DESCRIPTION_CHARS
from metrics.scoring import NAME_CHARS as SCORE_NAME_CHARS
from metrics.scoring import Refused
from metrics.services.annotation_queues import QueueSpec


class QueueForm(forms.Form):
    """What is looked at, by whom, and which scores are filled in."""

    name = forms.CharField(label=_("Name"), max_length=NAME_CHARS)
    description = forms.CharField(
        label=_("What to look at"),
        max_length=DESCRIPTION_CHARS,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    configs = forms.ModelMultipleChoiceField(
        label=_("Scores to fill in"), queryset=ScoreConfig.objects.none(), widget=forms.CheckboxSelectMultiple
    )
    reviewers = forms.IntegerField(
        label=_("People per item"), min_value=1, max_value=MOST_REVIEWERS, initial=1,
        help_text=_("So many different people score each item."),
    )  # fmt: skip
    team = forms.ModelChoiceField(
        label=_("Who is asked"), queryset=Team.objects.none(), required=False, empty_label=_("Everybody who may score")
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        configs, team = self.fields["configs"], self.fields["team"]
        assert isinstance(configs, forms.ModelMultipleChoiceField)
        assert isinstance(team, forms.ModelChoiceField)
        configs.queryset = ScoreConfig.objects.open().filter(project=project).order_by("name")
        team.queryset = Team.objects.open().filter(project=project).order_by("name")

    def spec(self) -> QueueSpec:
        """What was asked for."""
        given = self.cleaned_data
        return QueueSpec(given["name"], list(given["configs"]), given["reviewers"], given["team"], given["description"])

    def refuse(self, refusal: Refused) -> None:
        """Shows a refusal at its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)

    @staticmethod
    def initial_of(queue: AnnotationQueue) -> dict[str, Any]:
        """The form's values for a queue that is changed."""
        names = ("name", "description", "reviewers", "team")
        return {name: getattr(queue, name) for name in names} | {"configs": queue.configs.all()}


class RuleForm(forms.Form):
    """What fills a queue from now on."""

    kind = forms.ChoiceField(label=_("Take traces that"), choices=RuleKind.choices)
    amount = forms.FloatField(
        label=_("Amount"),
        required=False,
        help_text=_("The highest score, the lowest cost in dollars, the percentage, or N."),
        widget=forms.NumberInput(attrs={"step": "any"}),
    )
    score_name = forms.CharField(
        label=_("Score"), required=False, max_length=SCORE_NAME_CHARS, help_text=_("For “scored low”.")
    )
    query = forms.CharField(
        label=_("Only traces like"),
        required=False,
        max_length=2_000,
        help_text=_("The address of the trace list with its filters, or agent=support&environment=production"),
    )

    def spec(self) -> RuleSpec:
        """What was asked for."""
        given = self.cleaned_data
        query = given["query"].rpartition("?")[2].partition("#")[0]
        return RuleSpec(given["kind"], query, given["score_name"].strip(), given["amount"])

    def refuse(self, refusal: Refused) -> None:
        """Shows a refusal at its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.message)
