"""Scores of traces and spans."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_retention"),
        ("metrics", "0005_masking"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Score",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("trace_id", models.BinaryField(max_length=16)),
                ("span_id", models.BinaryField(max_length=8, null=True)),
                ("name", models.CharField(max_length=120)),
                ("value", models.FloatField(null=True)),
                ("label", models.CharField(blank=True, default="", max_length=200)),
                ("comment", models.TextField(blank=True, default="")),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("human", "Human"),
                            ("sdk", "Sdk"),
                            ("evaluation", "Evaluation"),
                            ("import", "Import"),
                        ],
                        max_length=16,
                    ),
                ),
                ("author", models.CharField(help_text="Name of the person, key or file at the time.", max_length=200)),
                ("external_id", models.CharField(max_length=200, null=True)),
                ("metadata", models.JSONField(default=dict)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "author_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="agents.project"
                    ),
                ),
            ],
            options={
                "db_table": "metrics_score",
                "indexes": [
                    models.Index(fields=["project", "trace_id", "-id"], name="score_by_trace"),
                    models.Index(fields=["project", "-id"], name="score_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "external_id"), name="score_external_id"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("value__isnull", False), models.Q(("label", ""), _negated=True), _connector="OR"
                        ),
                        name="score_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("source__in", ["human", "sdk", "evaluation", "import"])),
                        name="score_source_known",
                    ),
                ],
            },
        ),
    ]
