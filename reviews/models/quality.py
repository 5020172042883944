"""How good the labels are: requests that people judge once more without knowing the verdict, and what they said."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from reviews.ids import new_id
from reviews.models.decision import VERDICTS


class QualitySettings(models.Model):
    """Which decided requests a project has judged once more. Without a row, or with a share of 0: none but seeds."""

    project = models.OneToOneField("agents.Project", on_delete=models.PROTECT, related_name="quality_settings")
    share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Of the decided actions, 0 to 1.",
    )
    wanted = models.PositiveSmallIntegerField(default=1, help_text="So many people look at each once more.")
    team = models.ForeignKey(
        "agents.Team",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who is asked; null: everybody who may decide.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="reviews_quality_share", condition=Q(share__gte=0.0, share__lte=1.0)),
            models.CheckConstraint(name="reviews_quality_wanted", condition=Q(wanted__gte=1)),
        ]

    def __str__(self) -> str:
        return f"quality of {self.project_id}"


class RereviewQuerySet(models.QuerySet["Rereview"]):
    """Reads of what is to be judged once more."""

    def open(self) -> Self:
        """What still takes answers."""
        return self.filter(closed_at__isnull=True)


class Rereview(models.Model):
    """One decided action that people judge once more: drawn by chance, or a seed of which the answer is known.

    Those who answer cannot tell the one from the other. What they say changes nothing of the request.
    """

    class Kind(models.TextChoices):
        SAMPLE = "sample"
        SEED = "seed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    item = models.OneToOneField("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="rereview")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    place = models.BigIntegerField(help_text="In the list that people go through: by chance, but always the same.")
    wanted = models.PositiveSmallIntegerField(help_text="So many answers; 0: one of everybody, as of seeds.")
    answered = models.PositiveIntegerField(default=0)
    known = models.CharField(max_length=8, choices=VERDICTS, blank=True, help_text="Of a seed the right answer.")
    explanation = models.TextField(blank=True, help_text="Of a seed: why that is right.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Answered as often as wanted, lapsed or retired.")

    objects = RereviewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="reviews_rereview_seed_knows",
                condition=Q(kind="seed", wanted=0) & ~Q(known="") | Q(kind="sample", known="", wanted__gte=1),
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "place"], name="reviews_rereview_open", condition=Q(closed_at__isnull=True)
            ),
            models.Index(fields=["project", "-made_at", "-id"], name="reviews_seeds", condition=Q(kind="seed")),
            models.Index(
                fields=["project", "-made_at", "-id"],
                name="reviews_samples_open",
                condition=Q(kind="sample", closed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.item_id}"


class RereviewAnswerQuerySet(models.QuerySet["RereviewAnswer"]):
    """Reads of answers that can be chained."""

    def held(self, now: datetime) -> Self:
        """Those that somebody is at."""
        return self.filter(status=RereviewAnswer.Status.HELD, leased_until__gt=now)

    def given(self) -> Self:
        return self.filter(status=RereviewAnswer.Status.ANSWERED)


class RereviewAnswer(models.Model):
    """What one person said when judging once more, or that they are at it (a lease), or that they passed it over."""

    class Status(models.TextChoices):
        HELD = "held"
        ANSWERED = "answered"
        SKIPPED = "skipped"

    rereview = models.ForeignKey(Rereview, on_delete=models.PROTECT, related_name="answers")
    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=6, choices=Rereview.Kind.choices, help_text="Of the rereview.")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    leased_until = models.DateTimeField(null=True, blank=True, help_text="While held: from here on void.")
    verdict = models.CharField(max_length=8, choices=VERDICTS, blank=True)
    labels = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    note = models.TextField(blank=True, help_text="Why, or of an edit what should be changed.")
    agrees = models.BooleanField(null=True, help_text="With the known answer of a seed, else with the first verdict.")
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = RereviewAnswerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rereview", "reviewer"], name="reviews_rereview_once"),
            models.CheckConstraint(
                name="reviews_rereview_answer_status",
                condition=Q(status="held", leased_until__isnull=False, verdict="", answered_at__isnull=True)
                | Q(status="skipped", leased_until__isnull=True, verdict="", answered_at__isnull=True)
                | Q(status="answered", leased_until__isnull=True, answered_at__isnull=False) & ~Q(verdict=""),
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "kind", "-answered_at"],
                name="reviews_rereview_answers",
                condition=Q(status="answered"),
            ),
            models.Index(fields=["reviewer", "project"], name="reviews_rereview_mine", condition=Q(status="held")),
        ]

    def __str__(self) -> str:
        return f"{self.verdict or self.status} of {self.rereview_id}"


class RatedItem(models.Model):
    """What several people said of one action, written down when they said it: figures of agreement read nothing else.

    `blind`: the first verdict and the answers of those who judged once more. `votes`: where several had to agree; those
    who came later could see the verdicts before theirs.
    """

    class Source(models.TextChoices):
        BLIND = "blind"
        VOTES = "votes"

    project = models.ForeignKey("agents.Project", on_delete=models.PROTECT, related_name="+", db_index=False)
    item = models.ForeignKey("reviews.ApprovalItem", on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.CharField(max_length=5, choices=Source.choices)
    action = models.CharField(max_length=200)
    ratings = models.JSONField(
        help_text='[{"reviewer": id, "verdict", "at": seconds since 1970}] in the order of time.'
    )
    rated_at = models.DateTimeField(help_text="The last of them.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "source"], name="reviews_rated_once")]
        indexes = [models.Index(F("project"), F("source"), F("rated_at").desc(), F("id"), name="reviews_rated_latest")]

    def __str__(self) -> str:
        return f"{len(self.ratings)} ratings of {self.item_id}"
