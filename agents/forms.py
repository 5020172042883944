"""Forms of people and projects: they clean what was typed; the services decide."""

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.utils.html import format_html
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from agents.models import Project, User
from agents.models.project import UNDO_SECONDS_MAX
from agents.permissions import Scope
from agents.roles import Role
from agents.services.keys import network_of

SCOPE_LABELS = {
    Scope.TELEMETRY_WRITE: _("Send telemetry, scores and heartbeats"),
    Scope.APPROVALS_REQUEST: _("Ask for approval, wait, and report outcomes"),
    Scope.TELEMETRY_READ: _("Read telemetry and budgets"),
    Scope.FEEDBACK_READ: _("Pull decisions as labelled examples"),
    Scope.ADMIN: _("Administer the project"),
}
EXPIRY_CHOICES = [
    ("never", _("Never")),
    ("7", _("In 7 days")),
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In a year")),
]
OVERLAP_CHOICES = [
    ("0", _("Stop at once")),
    ("1", _("For 1 hour")),
    ("24", _("For 24 hours")),
    ("168", _("For 7 days")),
]


def scope_choices() -> list[tuple[str, str]]:
    """Every scope with what it is for and its name in the API."""
    words = "<span>{} <code class='faint small'>{}</code></span>"
    return [(scope.value, format_html(words, label, scope.value)) for scope, label in SCOPE_LABELS.items()]


def lines_of(text: str) -> list[str]:
    """The lines of a text area, without empty ones."""
    return [line for raw in text.splitlines() if (line := raw.strip())]


def time_zones() -> list[str]:
    """The names offered for a time zone: places, without the aliases and historic names."""
    known = zoneinfo.available_timezones()
    return ["UTC", *sorted(name for name in known if "/" in name and not name.startswith(("Etc/", "posix/", "right/")))]


class ProjectForm(forms.Form):
    """A new project. An empty address is made from the name."""

    name = forms.CharField(label=_("Name"), max_length=100)
    slug = forms.CharField(
        label=_("Address"),
        max_length=50,
        required=False,
        help_text=_("Part of every link, and never changes. Left empty, it is made from the name."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("slug") and cleaned.get("name"):
            cleaned["slug"] = slugify(cleaned["name"])[:50].strip("-")
        if not cleaned.get("slug") and "name" in cleaned:
            self.add_error("slug", _("Give the project an address of letters, digits and hyphens."))
        return cleaned


class SettingsForm(forms.Form):
    """A project's name, reject reasons, retention and time to think again."""

    name = forms.CharField(label=_("Name"), max_length=100)
    reject_reasons = forms.CharField(
        label=_("Reasons to reject"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_("One per line. Reviewers pick from these when they reject; free text is always possible."),
    )
    retention_days = forms.IntegerField(
        label=_("Keep telemetry for"),
        required=False,
        min_value=1,
        max_value=3650,
        help_text=_("Days; left empty, for ever. Approvals, feedback and the audit log are always kept."),
    )

    undo_seconds = forms.IntegerField(
        label=_("Time to withdraw a decision"),
        required=False,
        min_value=0,
        max_value=UNDO_SECONDS_MAX,
        help_text=_("Seconds; left empty, none. Until they are over the agent is not told of a decision."),
    )

    def clean_undo_seconds(self) -> int:
        return self.cleaned_data["undo_seconds"] or 0

    def clean_reject_reasons(self) -> list[str]:
        return lines_of(self.cleaned_data["reject_reasons"])

    @staticmethod
    def initial_of(project: Project) -> dict[str, Any]:
        """The form's first values."""
        return {
            "name": project.name,
            "reject_reasons": "\n".join(project.reject_reasons),
            "retention_days": project.retention_days,
            "undo_seconds": project.undo_seconds,
        }


class ArchiveForm(forms.Form):
    """Typing the address is the confirmation."""

    confirm = forms.CharField(label=_("Type the project's address to confirm"), max_length=50)

    def __init__(self, *args: Any, slug: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slug = slug
        self.fields["confirm"].widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean_confirm(self) -> str:
        if self.cleaned_data["confirm"] != self._slug:
            raise forms.ValidationError(_("This is not the project's address, which is “%s”.") % self._slug)
        return self._slug


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)

    def clean_role(self) -> Role:
        return Role(self.cleaned_data["role"])


class InviteForm(RoleForm):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label=_("E-mail address"),
        widget=forms.EmailInput(attrs={"placeholder": "name@example.com", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        initial=Role.REVIEWER,
    )
    field_order = ["email", "role"]


class ExpiryField(forms.ChoiceField):
    """A choice of days; cleans to a timedelta, or None for never."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=_("Expires"), choices=EXPIRY_CHOICES, **kwargs)

    def clean(self, value: Any) -> timedelta | None:
        days = super().clean(value)
        return None if days == "never" else timedelta(days=int(days))


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What holds it, as “support-agent production”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        choices=scope_choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.TELEMETRY_WRITE, Scope.APPROVALS_REQUEST],
        error_messages={"required": _("Choose at least one scope.")},
    )
    expires_in = ExpiryField()
    allowed_networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "10.0.0.0/8", "class": "input-mono"}),
        help_text=_("One address or CIDR network per line. Left empty, the key works from anywhere."),
    )

    def clean_allowed_networks(self) -> list[str]:
        try:
            return [network_of(line) for line in lines_of(self.cleaned_data["allowed_networks"])]
        except forms.ValidationError as error:
            raise forms.ValidationError(error.messages) from None

    def expires_at(self, now: datetime) -> datetime | None:
        """When the key would stop working, chosen as a time from `now`."""
        life: timedelta | None = self.cleaned_data["expires_in"]
        return now + life if life else None


class RotateForm(forms.Form):
    """How long the old key goes on working."""

    overlap_hours = forms.ChoiceField(label=_("The old key goes on working"), choices=OVERLAP_CHOICES, initial="24")

    def overlap(self) -> timedelta:
        """The chosen time."""
        return timedelta(hours=int(self.cleaned_data["overlap_hours"]))


class TokenForm(forms.Form):
    """A new personal token."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("What you will use it for."))
    expires_in = ExpiryField(initial="90")

    def expires_at(self, now: datetime) -> datetime | None:
        """When the token would stop working."""
        life: timedelta | None = self.cleaned_data["expires_in"]
        return now + life if life else None


class ProfileForm(forms.ModelForm[User]):
    """Name and time zone."""

    class Meta:
        model = User
        fields = ["name", "time_zone"]
        help_texts = {"time_zone": _("Start typing a city. Exact times are shown in this zone.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"autocomplete": "name"}
        self.fields["time_zone"].widget.attrs |= {"list": "time-zones", "autocomplete": "off"}
        self.initial["time_zone"] = self.instance.zone


class NotificationForm(forms.ModelForm[User]):
    """Where notifications go."""

    class Meta:
        model = User
        fields = ["notify_in_app", "notify_on_desktop", "notify_by_email"]

    def __init__(self, *args: Any, mails: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not mails:
            del self.fields["notify_by_email"]


class AcceptForm(forms.Form):
    """What somebody new tells about themselves. The address is the invitation's."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    password_again = forms.CharField(
        label=_("Password again"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    # Filled by the browser where scripts run; wrong or missing means UTC.
    time_zone = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._email = email

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        return name if name in zoneinfo.available_timezones() else "UTC"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        password = cleaned.get("password")
        if not password:
            return cleaned
        if password != cleaned.get("password_again"):
            self.add_error("password_again", _("The two passwords are not the same."))
        try:
            get_adapter().clean_password(password, User(email=self._email, name=cleaned.get("name", "")))
        except forms.ValidationError as error:
            self.add_error("password", error)
        return cleaned
