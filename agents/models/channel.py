"""Where a project's news go, and which news go where."""

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from agents.models.project import Project
from agents.models.sealed import SealedTextField
from agents.models.user import validate_time_zone

RISKS = [("low", _("Low")), ("medium", _("Medium")), ("high", _("High")), ("critical", _("Critical"))]


class ChannelQuerySet(models.QuerySet["Channel"]):
    """Chainable reads of channels."""

    def kept(self) -> Self:
        """Those that nobody has removed."""
        return self.filter(removed_at__isnull=True)

    def active(self) -> Self:
        """Those through which messages go."""
        return self.kept().filter(enabled=True)


class Channel(models.Model):
    """One way out of a project. `callback` is the one through which agents are told at the address they gave."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        APPRISE = "apprise", _("Chat, pager and other services")
        WEBHOOK = "webhook", _("Webhook")
        BROWSER = "browser", _("Browser")
        CALLBACK = "callback", _("Callbacks of agents")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="channels")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    target = SealedTextField(help_text="E-mail addresses, one on a line; an Apprise URL; a webhook's URL; else empty.")
    hint = models.CharField(max_length=200, blank=True, help_text="What may be shown of the target.")
    secret = SealedTextField(help_text="`whsec_...` of a webhook and of callbacks, else empty.")
    old_secret = SealedTextField(help_text="The one before, which still signs until `old_secret_until`.")
    old_secret_until = models.DateTimeField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    stopped = models.CharField(max_length=200, blank=True, help_text="Why Handrail itself has disabled it.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["email", "apprise", "webhook", "browser", "callback"]), name="channel_kind_known"
            ),
            models.UniqueConstraint(
                fields=["project"], condition=Q(kind="callback"), name="one_channel_of_callbacks_per_project"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ChannelRule(models.Model):
    """Which news go through a channel, and when. An event goes through a channel once, whatever rules match."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rules")
    events = ArrayField(models.CharField(max_length=40), blank=True, help_text="Empty means every event.")
    min_risk = models.CharField(max_length=8, choices=RISKS, default="low")
    team = models.ForeignKey("agents.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    digest_minutes = models.PositiveSmallIntegerField(default=0, help_text="0 tells each event at once.")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="quiet_hours_have_two_ends",
            ),
            models.CheckConstraint(condition=Q(min_risk__in=[name for name, _ in RISKS]), name="rule_risk_known"),
        ]

    def __str__(self) -> str:
        return f"rule of channel {self.channel_id}"
