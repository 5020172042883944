"""Policies tried on the past, and rules that the past suggests."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from agents.models.verbatim import VerbatimJSONField
from reviews.ids import new_id


class BacktestQuerySet(models.QuerySet["Backtest"]):
    """Reads of runs that can be chained."""

    def open(self) -> Self:
        """Those that are not finished."""
        return self.filter(status__in=Backtest.OPEN)


class Backtest(models.Model):
    """One policy over the requests that were made in [since, until), judged as at the time of each.

    Works in steps: `position` is the time up to which all requests are judged, and moves in the transaction that
    keeps what they added. Whoever moves it names where it was, so that of two workers only one can.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    class Subject(models.TextChoices):
        """What was tried: a version, the shared draft, a policy that was sent, or a suggested rule."""

        VERSION = "version"
        DRAFT = "draft"
        SENT = "sent"
        PATTERN = "pattern"

    OPEN = (Status.WAITING, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    subject = models.CharField(max_length=8, choices=Subject.choices)
    number = models.PositiveIntegerField(help_text="The version that was tried, or that the policy was begun from.")
    document = VerbatimJSONField(help_text="What `reviews.policy.schema.load` reads.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document as canonical JSON, hexadecimal.")
    since = models.DateTimeField()
    until = models.DateTimeField(help_text="Excluded.")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    position = models.DateTimeField(help_text="Requests made until then are judged.")
    total = models.PositiveIntegerField(null=True, help_text="Requests in the range, once they are counted.")
    done = models.PositiveIntegerField(default=0, help_text="Requests that are judged.")
    tallies = models.JSONField(default=dict, help_text="What `reviews.policy.backtest.Tallies` keeps.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Begun since the position last moved.")
    leased_until = models.DateTimeField(null=True, help_text="Until then a worker is at it.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = BacktestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="reviews_backtest_range", condition=Q(since__lt=F("until"))),
            models.CheckConstraint(
                name="reviews_backtest_finished",
                condition=Q(status__in=["waiting", "running"], finished_at__isnull=True)
                | Q(status__in=["done", "cancelled", "failed"], finished_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="reviews_backtest_newest"),
            models.Index(
                fields=["created_at"], name="reviews_backtest_open", condition=Q(status__in=["waiting", "running"])
            ),
        ]

    def __str__(self) -> str:
        return f"back-test of {self.subject} {self.number}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def progress(self) -> int:
        """Per cent of the requests that are judged."""
        if self.status == self.Status.DONE:
            return 100
        return min(100 * self.done // self.total, 99) if self.total else 0


class BacktestCase(models.Model):
    """A request on which a tried policy and people disagree, or whose outcome the policy would not have prevented."""

    class Kind(models.TextChoices):
        FALSE_APPROVAL = "false_approval"
        FALSE_REJECTION = "false_rejection"

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="cases", db_index=False)
    approval = models.ForeignKey("reviews.Approval", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=15, choices=Kind.choices)
    what = models.CharField(max_length=8, help_text="What people decided, or the outcome that tells.")
    rule = models.CharField(max_length=100, help_text="The rule of the tried policy that matched.")
    action = models.CharField(max_length=200)
    agent = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["backtest", "approval"], name="reviews_backtest_case_once")]
        indexes = [
            models.Index(fields=["backtest", "id"], name="reviews_backtest_cases"),
            models.Index(fields=["backtest", "kind", "id"], name="reviews_backtest_cases_of_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


class PatternQuerySet(models.QuerySet["Pattern"]):
    """Reads of suggested rules that can be chained."""

    def proposed(self) -> Self:
        """Those that nobody has answered yet and that were tried on the past."""
        return self.filter(status=Pattern.Status.PROPOSED, backtest__status=Backtest.Status.DONE)


class Pattern(models.Model):
    """Similar requests that people decided alike, as a rule that a lead may take into the draft. Changes nothing."""

    class Status(models.TextChoices):
        PROPOSED = "proposed"
        DRAFTED = "drafted"
        DISMISSED = "dismissed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    action = models.CharField(max_length=200)
    verdict = models.CharField(max_length=8, help_text="approve or reject.")
    clauses = models.JSONField(help_text='[{"path", "comparison", "value"}] of `reviews.policy.patterns.Clause`.')
    condition = models.CharField(max_length=1_000, help_text="The same in the language of rules.")
    key = models.CharField(max_length=64, help_text="SHA-256 of verdict and condition: a rule is suggested once.")
    matched = models.PositiveIntegerField(help_text="Requests that people decided and that the condition fits.")
    agreeing = models.PositiveIntegerField(help_text="Those of them that were decided this way.")
    later_matched = models.PositiveIntegerField(help_text="Of the matched those that the search did not look at.")
    later_agreeing = models.PositiveIntegerField()
    exceptions = ArrayField(models.UUIDField(), default=list, help_text="Matched requests that were decided otherwise.")
    since = models.DateTimeField()
    until = models.DateTimeField()
    found_at = models.DateTimeField()
    backtest = models.OneToOneField(Backtest, on_delete=models.PROTECT, related_name="pattern")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PROPOSED)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(null=True)

    objects = PatternQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="reviews_pattern_once")]
        indexes = [models.Index(fields=["project", "status", "-found_at"], name="reviews_pattern_newest")]

    def __str__(self) -> str:
        return f"{self.verdict} {self.condition}"
