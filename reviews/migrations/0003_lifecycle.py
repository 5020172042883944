"""Quorum, batches and second thoughts: mixed decisions, verdicts withdrawn before the agent is told of them."""

from typing import ClassVar

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models
from django.db.models import F, Q

from reviews.states import Status

STATUSES = ["pending", "info_requested", "approved", "rejected", "answered", "mixed", "expired", "cancelled"]
WAITING = [Status.INFO_REQUESTED, Status.PENDING]
DECIDED = [Status.ANSWERED, Status.APPROVED, Status.MIXED, Status.REJECTED]
GRANTED = [Status.ANSWERED, Status.APPROVED, Status.MIXED]


def replaced_constraint(name: str, condition: Q) -> list[migrations.operations.base.Operation]:
    """A check of requests that now knows the status `mixed`."""
    return [
        migrations.RemoveConstraint(model_name="approval", name=name),
        migrations.AddConstraint(
            model_name="approval", constraint=models.CheckConstraint(condition=condition, name=name)
        ),
    ]


def replaced_index(name: str, fields: list[str]) -> list[migrations.operations.base.Operation]:
    """An index of decided requests that now holds the mixed ones."""
    index = models.Index(condition=Q(status__in=DECIDED), fields=fields, name=name)
    return [
        migrations.RemoveIndex(model_name="approval", name=name),
        migrations.AddIndex(model_name="approval", index=index),
    ]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0002_policy")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="approval",
            name="undo_seconds",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="For so long a decision can be withdrawn, and the agent is not told of it."
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="settles_at",
            field=models.DateTimeField(
                blank=True,
                help_text="People have decided; from this moment on it counts and the agent is told.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="decision", name="withdrawn_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AlterField(
            model_name="approval",
            name="status",
            field=models.CharField(
                choices=[(status, status) for status in STATUSES], default=Status.PENDING, max_length=16
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(condition=Q(settles_at__isnull=False), fields=["settles_at"], name="reviews_settling"),
        ),
        *replaced_index("reviews_decided", ["project", "-closed_at"]),
        *replaced_index("reviews_precedents", ["project", "action", "-closed_at"]),
        *replaced_constraint("reviews_approval_status", Q(status__in=STATUSES)),
        *replaced_constraint(
            "reviews_approval_verdict_when_decided",
            (Q(status__in=DECIDED) & ~Q(verdict="")) | (~Q(status__in=DECIDED) & Q(verdict="")),
        ),
        *replaced_constraint(
            "reviews_approval_decided_in_time",
            ~Q(status__in=DECIDED) | Q(closed_at__lt=F("expires_at")) | Q(decided_by_label="timeout"),
        ),
        *replaced_constraint("reviews_approval_outcome_of_granted", Q(outcome__isnull=True) | Q(status__in=GRANTED)),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=Q(settles_at__isnull=True) | Q(status__in=WAITING),
                name="reviews_approval_settles_while_waiting",
            ),
        ),
        migrations.RemoveConstraint(model_name="decision", name="reviews_decision_once_per_reviewer"),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=Q(withdrawn_at__isnull=True),
                fields=("item", "reviewer"),
                name="reviews_decision_once_per_reviewer",
            ),
        ),
        pgtrigger.migrations.RemoveTrigger(model_name="decision", name="decision_append_only"),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decision_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="88f449e4feba7c6484a315278cacd7c24a051f5a",
                    operation="DELETE",
                    pgid="pgtrigger_decision_append_only_7a7e7",
                    table="reviews_decision",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="decision",
            trigger=pgtrigger.compiler.Trigger(
                name="decision_read_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition=(
                        "WHEN (OLD.withdrawn_at IS NOT NULL"
                        " OR NEW.arguments::text IS DISTINCT FROM OLD.arguments::text"
                        " OR to_jsonb(NEW) - 'withdrawn_at' IS DISTINCT FROM to_jsonb(OLD) - 'withdrawn_at')"
                    ),
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e4f049de2ebb414cc5c13ae69065793aca08b89a",
                    operation="UPDATE",
                    pgid="pgtrigger_decision_read_only_40eff",
                    table="reviews_decision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
