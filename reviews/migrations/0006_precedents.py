"""Embeddings of what was decided, and the counts of how requests flow through the queue."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
import pgvector.django
from django.conf import settings
from django.db import migrations, models

COUNTS = {
    "arrivals": "",
    "closings": "",
    "approved": "As proposed.",
    "edited": "",
    "rejected": "",
    "answered": "",
    "mixed": "",
    "expired": "",
    "timed_out": "Approved by the deadline, by no person.",
    "cancelled": "",
    "automatic": "Closed by the policy without having waited.",
    "suggested": "Decisions where the agent had suggested a verdict.",
    "overridden": "Those of them that went against it.",
    "decisions": "",
    "hasty": "Approvals faster than the arguments can be read.",
    "timed": "Decisions of which the time spent is known.",
}
SUMS = {
    "arrivals_offset": "",
    "closings_offset": "",
    "wait_sum": "Seconds, of requests that people decided.",
    "stay_sum": "Seconds in the queue, of all that closed.",
    "timed_sum": "Seconds spent on them.",
}
HISTOGRAMS = {"waits": "", "times_short": "On short arguments.", "times_long": "On long arguments."}


def project():
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.project"
    )


def key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("reviews", "0005_receipts"),
        ("agents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        pgvector.django.VectorExtension(),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["project", "reviewer", "-decided_at"], name="reviews_decision_of_reviewer"),
        ),
        migrations.CreateModel(
            name="Precedent",
            fields=[
                ("id", key()),
                ("action", models.CharField(max_length=200)),
                ("verdict", models.CharField(max_length=8)),
                (
                    "fingerprint",
                    models.BigIntegerField(
                        help_text="Equal arguments have equal ones: `reviews.embedding.fingerprint`."
                    ),
                ),
                (
                    "embedding",
                    pgvector.django.HalfVectorField(dimensions=128, help_text="Of length 1: `reviews.embedding.embed`."),
                ),
                ("decided_at", models.DateTimeField()),
                ("project", project()),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.approval",
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="precedent", to="reviews.approvalitem"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["project", "action", "-decided_at"],
                        include=["id", "verdict", "embedding"],
                        name="reviews_precedent_latest",
                    ),
                    models.Index(
                        fields=["project", "action", "fingerprint", "-decided_at"], name="reviews_precedent_equal"
                    ),
                ]
            },
        ),
        # Vacuumed by what is added: only rows in pages that were vacuumed are read out of the index alone.
        migrations.RunSQL(
            "ALTER TABLE reviews_precedent SET"
            " (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 2000)",
            migrations.RunSQL.noop,
        ),
        migrations.CreateModel(
            name="FlowEntry",
            fields=[
                ("id", key()),
                ("kind", models.CharField(choices=[("arrival", "Arrival"), ("closing", "Closing")], max_length=8)),
                ("project", project()),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.approval",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FlowRollup",
            fields=[
                ("id", key()),
                ("seconds", models.PositiveIntegerField(help_text="3600, 86400, or 0: all time.")),
                (
                    "dimension",
                    models.CharField(
                        choices=[
                            ("all", "All"),
                            ("action", "Action"),
                            ("agent", "Agent"),
                            ("team", "Team"),
                            ("reviewer", "Reviewer"),
                        ],
                        max_length=8,
                    ),
                ),
                ("start", models.DateTimeField()),
                ("value", models.CharField(blank=True, help_text="Of a reviewer the id.", max_length=200)),
                *((name, models.BigIntegerField(default=0, help_text=text)) for name, text in COUNTS.items()),
                *((name, models.FloatField(default=0, help_text=text)) for name, text in SUMS.items()),
                *(
                    (
                        name,
                        django.contrib.postgres.fields.ArrayField(
                            base_field=models.IntegerField(), default=list, help_text=text, size=None
                        ),
                    )
                    for name, text in HISTOGRAMS.items()
                ),
                ("project", project()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["project", "seconds", "dimension", "start", "value"], name="reviews_flow_rollup_key"
                    )
                ]
            },
        ),
        # What happened before there were counts is counted like all else.
        migrations.RunSQL(
            "INSERT INTO reviews_flowentry (project_id, approval_id, kind)"
            " SELECT project_id, id, kind FROM reviews_approval, (VALUES ('arrival'), ('closing')) AS kinds (kind)"
            " WHERE kind = 'arrival' OR closed_at IS NOT NULL ORDER BY requested_at",
            migrations.RunSQL.noop,
        ),
    ]
