"""Agreed forms of scores; scores of sessions, of end users, and of a stated type."""

import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_outbox_people"),
        ("metrics", "0011_reported_outcomes"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScoreConfig",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120)),
                (
                    "data_type",
                    models.CharField(
                        choices=[
                            ("numeric", "number"),
                            ("categorical", "category"),
                            ("boolean", "yes or no"),
                            ("text", "text"),
                        ],
                        max_length=12,
                    ),
                ),
                ("min_value", models.FloatField(null=True)),
                ("max_value", models.FloatField(null=True)),
                ("categories", models.JSONField(default=list)),
                ("description", models.CharField(blank=True, default="", max_length=1000)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("archived_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "metrics_score_config",
            },
        ),
        migrations.RemoveConstraint(
            model_name="score",
            name="score_source_known",
        ),
        migrations.AddField(
            model_name="score",
            name="data_type",
            field=models.CharField(
                blank=True,
                choices=[
                    ("numeric", "number"),
                    ("categorical", "category"),
                    ("boolean", "yes or no"),
                    ("text", "text"),
                ],
                db_default="",
                default="",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="score",
            name="session_id",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AlterField(
            model_name="score",
            name="label",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AlterField(
            model_name="score",
            name="source",
            field=models.CharField(
                choices=[
                    ("human", "Human"),
                    ("sdk", "Sdk"),
                    ("evaluation", "Evaluation"),
                    ("end_user", "End User"),
                    ("import", "Import"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterField(
            model_name="score",
            name="trace_id",
            field=models.BinaryField(max_length=16, null=True),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(
                condition=models.Q(("session_id", ""), _negated=True),
                fields=["project", "session_id", "-id"],
                name="score_by_session",
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(fields=["project", "name", "-id"], name="score_by_name"),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["human", "sdk", "evaluation", "end_user", "import"])),
                name="score_source_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("trace_id__isnull", False),
                    models.Q(("span_id__isnull", True), models.Q(("session_id", ""), _negated=True)),
                    _connector="OR",
                ),
                name="score_about_something",
            ),
        ),
        migrations.AddField(
            model_name="scoreconfig",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="score_configs", to="agents.project"
            ),
        ),
        migrations.AddIndex(
            model_name="scoreconfig",
            index=models.Index(fields=["project", "id"], name="score_config_project"),
        ),
        migrations.AddConstraint(
            model_name="scoreconfig",
            constraint=models.UniqueConstraint(
                models.F("project"),
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("archived_at__isnull", True)),
                name="score_config_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="scoreconfig",
            constraint=models.CheckConstraint(
                condition=models.Q(("data_type__in", ["numeric", "categorical", "boolean", "text"])),
                name="score_config_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="scoreconfig",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("min_value__isnull", True),
                    ("max_value__isnull", True),
                    ("min_value__lte", models.F("max_value")),
                    _connector="OR",
                ),
                name="score_config_bounds",
            ),
        ),
    ]
