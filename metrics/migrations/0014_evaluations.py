"""What a project asks of its agents, and how they have done by day."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import metrics.models.evaluation


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_outbox_people"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("metrics", "0013_annotation"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvaluationStandard",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="evaluation_standard",
                        serialize=False,
                        to="agents.project",
                    ),
                ),
                ("targets", models.JSONField(default=metrics.models.evaluation.default_targets)),
                ("weights", models.JSONField(default=metrics.models.evaluation.default_weights)),
                (
                    "score_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120),
                        default=metrics.models.evaluation.default_score_names,
                        help_text="Scores from 0 to 1 of these names say whether a trace was right.",
                        size=None,
                    ),
                ),
                (
                    "attribute",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Key of the metadata by which groups are compared.",
                        max_length=120,
                    ),
                ),
                ("changed_at", models.DateTimeField(null=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "metrics_evaluation_standard"},
        ),
        migrations.CreateModel(
            name="Evaluation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agent", models.TextField()),
                ("agent_version", models.TextField(blank=True)),
                ("day", models.DateField()),
                ("overall", models.FloatField(help_text="0 to 100; null without any data.", null=True)),
                (
                    "covered",
                    models.FloatField(help_text="How much of the weights the overall score stands on, 0 to 1."),
                ),
                ("requests", models.BigIntegerField()),
                (
                    "dimensions",
                    models.JSONField(
                        help_text="By dimension: value, low, high, count, target, goodness; null: no data."
                    ),
                ),
                ("written_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="agents.project",
                    ),
                ),
            ],
            options={
                "db_table": "metrics_evaluation",
                "indexes": [models.Index(fields=["day"], name="evaluation_by_day")],
            },
        ),
        migrations.AddConstraint(
            model_name="evaluation",
            constraint=models.UniqueConstraint(
                fields=("project", "agent", "day", "agent_version"), name="one_evaluation_a_day"
            ),
        ),
    ]
