"""Whom a request waits for: teams, people, claims, escalation and reminders."""

from typing import Any, ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

WAITING = ["info_requested", "pending"]


def add(name: str, field: "models.Field[Any, Any]") -> migrations.AddField:
    """A new column of a request."""
    return migrations.AddField(model_name="approval", name=name, field=field)


def reference(to: str) -> "models.ForeignKey[Any, Any]":
    """To somebody or some team; only partial indexes are of use."""
    return models.ForeignKey(
        blank=True,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=to,
    )


def index(*places: Any, name: str, condition: Q, **options: Any) -> migrations.AddIndex:
    """An index of the requests that wait."""
    partial = models.Index(*places, name=name, condition=condition & Q(status__in=WAITING), **options)
    return migrations.AddIndex(model_name="approval", index=partial)


def check(name: str, condition: Q) -> migrations.AddConstraint:
    """Something that is true of every request."""
    return migrations.AddConstraint(
        model_name="approval", constraint=models.CheckConstraint(name=name, condition=condition)
    )


URGENCY = (F("due_minute"), F("risk_score").desc(), F("id"))


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("agents", "0003_teams"),
        ("reviews", "0003_lifecycle"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        add("routed_to", reference("agents.team")),
        add("assigned_to", reference(settings.AUTH_USER_MODEL)),
        add("claimed_by", reference(settings.AUTH_USER_MODEL)),
        add(
            "claimed_until",
            models.DateTimeField(blank=True, help_text="The claim is a lease: from here on void.", null=True),
        ),
        add(
            "escalation_step",
            models.PositiveSmallIntegerField(default=0, help_text="Counts from 1; 0 before the first."),
        ),
        add(
            "next_step_at",
            models.DateTimeField(blank=True, help_text="When the next escalation step begins.", null=True),
        ),
        add("remind_at", models.DateTimeField(blank=True, help_text="When those asked are reminded next.", null=True)),
        add(
            "at_expiry",
            models.CharField(
                choices=[("reject", "reject"), ("approve", "approve")],
                default="reject",
                help_text="What `expires_at` means, escalation included.",
                max_length=7,
            ),
        ),
        migrations.AlterField(
            model_name="approvalevent",
            name="kind",
            field=models.CharField(help_text="One of Kind.", max_length=16),
        ),
        index(F("routed_to"), *URGENCY, name="reviews_queue_of_team", condition=Q(routed_to__isnull=False)),
        index(F("assigned_to"), *URGENCY, name="reviews_queue_of_person", condition=Q(assigned_to__isnull=False)),
        index(name="reviews_next_step", condition=Q(next_step_at__isnull=False), fields=["next_step_at"]),
        index(name="reviews_reminders", condition=Q(remind_at__isnull=False), fields=["remind_at"]),
        check(
            "reviews_approval_claim_is_a_lease",
            Q(claimed_by__isnull=True, claimed_until__isnull=True)
            | Q(claimed_by__isnull=False, claimed_until__isnull=False),
        ),
        check(
            "reviews_approval_steps_before_deadline",
            Q(next_step_at__isnull=True) | Q(next_step_at__lt=F("expires_at")),
        ),
        check("reviews_approval_at_expiry", Q(at_expiry__in=["reject", "approve"])),
    ]
