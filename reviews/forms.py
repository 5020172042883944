"""What reviewers fill in: one form per verdict, each of which says which ruling it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import Project, Team, User
from agents.permissions import Permission
from agents.selectors import members_with
from reviews.edit_form import REASON_CHARS, EditForm, LabellingForm, Words
from reviews.models import ApprovalItem, ReasonLabel
from reviews.offered import Offer, offered
from reviews.services.decisions import Ruling
from reviews.states import Verdict

MESSAGE_CHARS = 10_000
OFFER_CHARS = 200
OTHER = "other"


class ApproveForm(forms.Form):
    """Approve as proposed: nothing to fill in."""

    def ruling(self) -> Ruling:
        return Ruling(verdict=Verdict.APPROVE)


class OfferSelect(forms.RadioSelect):
    """Offers to choose from. `data-fill` is what to begin to write with."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        super().__init__(attrs={"class": "offers"})
        self.fills = {offer.name: offer.fill for offer in offers}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["attrs"]["data-fill"] = self.fills.get(str(value), "")
        return option


class OfferField(forms.ChoiceField):
    """What the agent offers: one of it, or none."""

    def __init__(self, offers: Sequence[Offer], *, label: str) -> None:
        names = [(offer.name, offer.label[:OFFER_CHARS]) for offer in offers]
        super().__init__(label=label, required=False, choices=names, widget=OfferSelect(offers))
        self.offers = {offer.name: offer for offer in offers}
        told = [
            f"{offer.label[:OFFER_CHARS]}: {offer.description[:OFFER_CHARS]}" for offer in offers if offer.description
        ]
        self.help_text = " · ".join(told)


class OfferingForm(LabellingForm):
    """A form that may begin with answers that the agent offers."""

    def __init__(self, *args: Any, offers: Sequence[Offer] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if offers:
            self.fields["offer"] = OfferField(offers, label=_("The agent offers"))
            self.order_fields(["offer"])

    @property
    def chosen(self) -> Offer | None:
        """What was chosen of it."""
        field, name = self.fields.get("offer"), self.cleaned_data.get("offer")
        return field.offers[name] if isinstance(field, OfferField) and name else None

    @property
    def labels(self) -> tuple[str, ...]:
        """The name by which the agent knows what was chosen, and what else was given."""
        return (*((self.chosen.name,) if self.chosen else ()), *super().labels)


class RejectForm(OfferingForm):
    """Reject, with a reason from the project's list, one that the agent offers, words of one's own, or several."""

    reason = forms.ChoiceField(label=gettext_lazy("Reason"))
    details = Words(
        label=gettext_lazy("Details"),
        required=False,
        max_length=REASON_CHARS,
        rows=3,
        help_text=gettext_lazy("The agent is told, and it is kept with the labelled example."),
    )

    def __init__(self, *args: Any, reasons: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["reason"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            ("", _("Choose a reason…")),
            *((reason, reason) for reason in reasons),
            (OTHER, _("Another reason (say which)")),
        ]
        choice.required = "offer" not in self.fields
        if not reasons and choice.required:
            choice.initial = OTHER

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("reason") == OTHER and not values.get("details", "").strip():
            self.add_error("details", _("Say in a few words why."))
        if "offer" in self.fields and not any(values.get(name) for name in ("offer", "reason", "details")):
            self.add_error("reason", _("Choose a reason, or say in a few words why."))
        return values

    def ruling(self) -> Ruling:
        """What was chosen is the reason and the words go with it; without a choice the words are the reason."""
        reason, details = self.cleaned_data["reason"], self.cleaned_data["details"]
        offer = self.chosen
        if reason in ("", OTHER):
            reason, details = details or (offer.words[:REASON_CHARS] if offer else ""), ""
        return Ruling(verdict=Verdict.REJECT, reason=reason, message=details, labels=self.labels)


class RespondForm(OfferingForm):
    """Answer in place of the action."""

    message = Words(
        label=gettext_lazy("Answer"),
        max_length=MESSAGE_CHARS,
        rows=4,
        help_text=gettext_lazy("The agent gets this text as the result, and the action is not run."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["message"].required = "offer" not in self.fields

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if "offer" in self.fields and not any(values.get(name) for name in ("offer", "message")):
            self.add_error("message", _("Choose an answer, or write one."))
        return values

    def ruling(self) -> Ruling:
        """The words, else what was chosen means."""
        words = self.cleaned_data["message"] or (self.chosen.words if self.chosen else "")
        return Ruling(verdict=Verdict.RESPOND, message=words[:MESSAGE_CHARS], labels=self.labels)


class QuestionForm(forms.Form):
    """A question to the agent."""

    text = Words(
        label=gettext_lazy("Question to the agent"),
        max_length=MESSAGE_CHARS,
        rows=3,
        help_text=gettext_lazy("The agent is told at once and the clock runs on. You can still decide meanwhile."),
        error_messages={"required": gettext_lazy("Write what you want to know.")},
    )


class MessageForm(forms.Form):
    """A word to the agent about a request, besides any decision."""

    text = Words(
        label=gettext_lazy("Message to the agent"),
        max_length=MESSAGE_CHARS,
        rows=3,
        help_text=gettext_lazy("The agent reads it with the request, which stays as it is."),
        error_messages={"required": gettext_lazy("Write what the agent should know.")},
    )


class AssignForm(forms.Form):
    """Who is to look at a request: `user:<id>`, `team:<id>`, or nothing for everybody."""

    to = forms.ChoiceField(label=gettext_lazy("Assign to"), required=False)

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {f"user:{user.pk}": user for user in members_with(project.pk, Permission.APPROVAL_DECIDE)}
        self.teams = {f"team:{team.pk}": team for team in project.teams.open().order_by("name")}
        choice = self.fields["to"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            ("", _("Everybody who may decide")),
            *([(_("Teams"), [(key, team.name) for key, team in self.teams.items()])] if self.teams else []),
            (_("People"), [(key, user.display_name) for key, user in self.people.items()]),
        ]

    def chosen(self) -> tuple[User | None, Team | None]:
        """The person or the team; neither for everybody."""
        key = self.cleaned_data["to"]
        return self.people.get(key), self.teams.get(key)


DecisionForm = ApproveForm | RejectForm | RespondForm | EditForm


def form_for(
    verdict: Verdict,
    *,
    item: ApprovalItem,
    reasons: list[str],
    labels: Sequence[ReasonLabel] = (),
    data: Any = None,
) -> DecisionForm:
    """The form of a verdict, bound to `data` when there is some."""
    prefix = verdict.value
    offers = offered(item.approval.context, prefix)
    if verdict is Verdict.REJECT:
        return RejectForm(data, reasons=reasons, labels=labels, offers=offers, auto_id=f"{prefix}-%s")
    if verdict is Verdict.RESPOND:
        return RespondForm(data, labels=labels, offers=offers, auto_id=f"{prefix}-%s")
    if verdict is Verdict.EDIT:
        return EditForm(data, item=item, labels=labels, auto_id=f"{prefix}-%s")
    return ApproveForm(data)
