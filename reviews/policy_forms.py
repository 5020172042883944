"""Forms of the policy editor. What is wrong with a rule is found by `reviews.policy.reading`, as for the API."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Team
from reviews.policy.conditions import CONDITION_CHARS, VARIABLES
from reviews.policy.plan import Escalation, OnTimeout, ReviewPlan, Step
from reviews.policy.reading import FACTORS_MAX, InvalidPolicy, read_factor, read_levels, read_rule
from reviews.policy.schema import LEVELS, Effect, Factor, Levels, Rule
from reviews.policy.spans import seconds_of, spelt
from reviews.services.policies import Names

STEPS_CHARS = 4_000
SAMPLE_CHARS = 262_144
EFFECTS = [
    (Effect.REVIEW.value, gettext_lazy("People review it")),
    (Effect.AUTO_APPROVE.value, gettext_lazy("It is approved at once")),
    (Effect.AUTO_REJECT.value, gettext_lazy("It is rejected at once")),
]
ENDINGS = [
    ("", gettext_lazy("Expires, unless there are escalation steps")),
    (OnTimeout.REJECT.value, gettext_lazy("Expires")),
    (OnTimeout.APPROVE.value, gettext_lazy("Is approved by itself")),
    (OnTimeout.ESCALATE.value, gettext_lazy("Escalates")),
]
FINALS = [(OnTimeout.REJECT.value, gettext_lazy("Expires")), (OnTimeout.APPROVE.value, gettext_lazy("Is approved"))]
WHEN = {"": None, "always": True, "never": False}
"""What is chosen for a safeguard that critical requests have, and what a plan says then."""
WHEN_CHOICES = [
    ("", gettext_lazy("Where the risk is critical")),
    ("always", gettext_lazy("Always")),
    ("never", gettext_lazy("Never, not even where the risk is critical")),
]


GOOD: dict[str, Any] = {
    "name": "x", "condition": "true", "effect": Effect.REVIEW.value, "enabled": True, "reason": "", "team": "",
    "approvals": 1, "deadline": None, "risk_level": "", "on_timeout": "", "steps": [{"team": "x", "seconds": 1}],
    "loops": 0, "final": OnTimeout.REJECT.value, "four_eyes": "", "reauthenticate": "", "bar_key_owner": False,
}  # fmt: skip
"""Values that nothing is wrong with, in the place of those that cannot be read."""


class RuleForm(forms.Form):
    """One rule. `rule` is what it makes once it is valid."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    condition = forms.CharField(
        label=gettext_lazy("Condition"),
        max_length=CONDITION_CHARS,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("In CEL, over %(names)s. Write true to match every request.")
        % {"names": ", ".join(VARIABLES)},
    )
    effect = forms.ChoiceField(label=gettext_lazy("What happens"), choices=EFFECTS)
    enabled = forms.BooleanField(label=gettext_lazy("Switched on"), required=False)
    reason = forms.CharField(
        label=gettext_lazy("What the agent is told"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Of a rejection."),
    )
    team = forms.ChoiceField(
        label=gettext_lazy("Team"),
        required=False,
        help_text=gettext_lazy("Who is asked first. Everybody else whose role lets them decide still may."),
    )
    approvals = forms.IntegerField(label=gettext_lazy("Approvals needed"), min_value=1, max_value=20, initial=1)
    deadline = forms.CharField(
        label=gettext_lazy("Deadline"),
        required=False,
        max_length=12,
        help_text=gettext_lazy(
            "Such as 45s, 15m, 2h or 1d. The agent's own holds if it is shorter and nothing is approved by itself."
        ),
    )
    risk_level = forms.ChoiceField(
        label=gettext_lazy("Risk level"),
        required=False,
        choices=[("", gettext_lazy("As the factors say")), *((level, level) for level in LEVELS)],
    )
    on_timeout = forms.ChoiceField(label=gettext_lazy("When nobody decides, it"), required=False, choices=ENDINGS)
    steps = forms.CharField(
        label=gettext_lazy("Escalation steps"),
        required=False,
        max_length=STEPS_CHARS,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("One to a line: a team's address or a person's e-mail, then how long. finance 15m"),
    )
    loops = forms.IntegerField(label=gettext_lazy("Repeat the steps"), min_value=0, max_value=10, initial=0)
    final = forms.ChoiceField(label=gettext_lazy("After the last step it"), choices=FINALS)
    four_eyes = forms.ChoiceField(label=gettext_lazy("Two people at least"), required=False, choices=WHEN_CHOICES)
    reauthenticate = forms.ChoiceField(
        label=gettext_lazy("Reviewers sign in again"),
        required=False,
        choices=WHEN_CHOICES,
        help_text=gettext_lazy(
            "Just before they decide. A personal token cannot: where this is “Always”, it decides nothing."
        ),
    )
    bar_key_owner = forms.BooleanField(label=gettext_lazy("Not by the owner of the agent's key"), required=False)

    REVIEW = (
        "team", "approvals", "four_eyes", "reauthenticate", "deadline", "risk_level", "on_timeout", "steps", "loops",
        "final", "bar_key_owner",
    )  # fmt: skip

    def __init__(
        self, *args: Any, names: Names, teams: Sequence[Team] = (), taken: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Everybody who may decide")), *((team.slug, team.name) for team in teams)]
        known = {slug for slug, _name in choices}
        asked = str(self.initial.get("team", ""))
        self.fields["team"].choices = [*choices, *([] if asked in known else [(asked, asked)])]  # type: ignore[attr-defined]
        self.taken, self.names = taken, names
        self.rule: Rule | None = None

    @classmethod
    def initial_of(cls, rule: Rule) -> dict[str, Any]:
        """What the form shows of a rule."""
        review = rule.review
        return {
            "name": rule.name,
            "condition": rule.condition,
            "effect": rule.effect.value,
            "enabled": rule.enabled,
            "reason": rule.reason,
            "team": review.team,
            "approvals": review.approvals,
            "deadline": spelt(review.deadline_seconds) if review.deadline_seconds else "",
            "risk_level": review.risk_level,
            "on_timeout": review.on_timeout.value if review.on_timeout else "",
            "steps": "\n".join(step_in_words(step) for step in review.escalation.steps),
            "loops": review.escalation.loops,
            "final": review.escalation.final.value,
            **{name: _when(getattr(review, name)) for name in ("four_eyes", "reauthenticate")},
            "bar_key_owner": review.bar_key_owner,
        }

    @property
    def review_fields(self) -> list[forms.BoundField]:
        """What belongs to the effect review."""
        return [self[name] for name in self.REVIEW]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if name in self.taken:
            raise forms.ValidationError(_("Another rule has this name."))
        return name

    def clean_deadline(self) -> int | None:
        text = str(self.cleaned_data["deadline"])
        if not text.strip():
            return None
        try:
            return seconds_of(text)
        except ValueError:
            raise forms.ValidationError(_("Write a length of time such as 15m.")) from None

    def clean_steps(self) -> list[dict[str, Any]]:
        steps = []
        for line in str(self.cleaned_data["steps"]).splitlines():
            if not line.strip():
                continue
            who, _space, length = line.strip().rpartition(" ")
            try:
                seconds = seconds_of(length)
            except ValueError:
                wrong = _("“%(line)s” does not end with a length of time such as 15m.") % {"line": line.strip()[:80]}
                raise forms.ValidationError(wrong) from None
            steps.append({"user" if "@" in who else "team": who.strip(), "seconds": seconds})
        return steps

    def clean(self) -> dict[str, Any]:
        """All that is wrong at once: where a field cannot be read, the others are looked at as if it were good."""
        values: dict[str, Any] = super().clean() or {}
        sound = {**GOOD, **values}
        told = set(self.errors)
        try:
            rule = read_rule(self._document(sound))
        except InvalidPolicy as error:
            show(self, error, told)
        else:
            self.rule = rule if not told else None
        if sound["effect"] == Effect.REVIEW:
            unknown = self.names.unknown(ReviewPlan(team=sound["team"], escalation=_steps_of(values.get("steps", []))))
            if unknown:
                self.rule = None
                show(self, InvalidPolicy({field: [text] for field, text in unknown.items()}), told)
        return values

    def _document(self, values: dict[str, Any]) -> dict[str, Any]:
        effect = values["effect"]
        document = {name: values[name] for name in ("name", "condition", "effect", "enabled")}
        if effect == Effect.AUTO_REJECT:
            document["reason"] = values["reason"]
        if effect == Effect.REVIEW:
            escalation = {"steps": values["steps"], "loops": values["loops"], "final": values["final"]}
            document["review"] = {
                **{name: values[name] for name in ("team", "approvals", "risk_level", "on_timeout", "bar_key_owner")},
                **{name: WHEN[values[name]] for name in ("four_eyes", "reauthenticate")},
                "deadline_seconds": values["deadline"],
                "escalation": escalation if values["steps"] else None,
            }
        return document


class FactorForm(forms.Form):
    """One risk factor; a row without a name and a condition is left out."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    condition = forms.CharField(
        label=gettext_lazy("Condition"),
        max_length=CONDITION_CHARS,
        widget=forms.Textarea(attrs={"rows": 1, "spellcheck": "false"}),
    )
    weight = forms.DecimalField(label=gettext_lazy("Weight"), min_value=0, max_value=1, decimal_places=3)
    enabled = forms.BooleanField(label=gettext_lazy("On"), required=False, initial=True)
    factor: Factor | None = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values and not self.errors and self.has_changed():
            given = {name: values[name] for name in ("name", "condition", "enabled")}
            try:
                self.factor = read_factor({**given, "weight": str(values["weight"].normalize())})
            except InvalidPolicy as error:
                show(self, error)
        return values


FactorForms: type[BaseFormSet[FactorForm]] = formset_factory(
    FactorForm, extra=2, can_delete=True, max_num=FACTORS_MAX, absolute_max=FACTORS_MAX
)


class LevelsForm(forms.Form):
    """The scores where the levels begin."""

    medium = forms.DecimalField(label=gettext_lazy("Medium from"), min_value=0, max_value=1, decimal_places=3)
    high = forms.DecimalField(label=gettext_lazy("High from"), min_value=0, max_value=1, decimal_places=3)
    critical = forms.DecimalField(label=gettext_lazy("Critical from"), min_value=0, max_value=1, decimal_places=3)
    levels: Levels | None = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.levels = read_levels({name: str(value.normalize()) for name, value in values.items()})
            except InvalidPolicy as error:
                show(self, error)
        return values


class SampleForm(forms.Form):
    """A request to try, as JSON like that of the API."""

    sample = forms.CharField(
        label=gettext_lazy("A request as the agent would send it"),
        max_length=SAMPLE_CHARS,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false"}),
    )

    def clean_sample(self) -> dict[str, Any]:
        try:
            value = json.loads(self.cleaned_data["sample"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(_("This is no JSON: %(why)s") % {"why": str(error)[:200]}) from None
        if not isinstance(value, dict):
            raise forms.ValidationError(_("A request is a JSON object."))
        return value


class PublishForm(forms.Form):
    """The note that goes with a version."""

    note = forms.CharField(label=gettext_lazy("What changes, and why"), max_length=200, required=False)


def _when(said: bool | None) -> str:
    return next(choice for choice, meant in WHEN.items() if meant is said)


def step_in_words(step: Step) -> str:
    """An escalation step as it is written in the form."""
    return f"{step.team or step.user} {spelt(step.seconds)}"


def _steps_of(steps: Sequence[Mapping[str, Any]]) -> Escalation:
    return Escalation(tuple(Step(**step) for step in steps))


def show(form: forms.Form, error: InvalidPolicy, told: Collection[str] = ()) -> None:
    """Puts what the reader found next to the fields of a form, but for those that are `told` to be wrong."""
    places = {"deadline_seconds": "deadline", "escalation": "steps"}
    for path, texts in error.errors.items():
        first = path.removeprefix("review.").partition(".")[0].partition("[")[0]
        field = places.get(first, first)
        if field in told:
            continue
        form.add_error(field if field in form.fields else None, [f"{text[0].upper()}{text[1:]}." for text in texts])
