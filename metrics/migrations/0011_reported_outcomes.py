"""How approved actions went, as spans report it."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0010_compaction")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="ReportedOutcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField()),
                ("trace_id", models.BinaryField(max_length=16)),
                ("span_id", models.BinaryField(max_length=8)),
                ("ended_at", models.DateTimeField(help_text="When the span ended: the moment of which it speaks.")),
                ("approval", models.CharField(help_text="The id of the request, as the span has it.", max_length=64)),
                ("status", models.CharField(max_length=32)),
                ("detail", models.JSONField(default=dict)),
                ("noted_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "metrics_reported_outcome",
                "indexes": [
                    models.Index(
                        condition=models.Q(("taken_at__isnull", True)), fields=["id"], name="reported_outcome_waiting"
                    ),
                    models.Index(
                        condition=models.Q(("taken_at__isnull", False)),
                        fields=["taken_at"],
                        name="reported_outcome_taken",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("project_id", "trace_id", "span_id"), name="reported_outcome_of_span"
                    )
                ],
            },
        ),
    ]
