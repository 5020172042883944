"""What checks of text have found, how many there were, and which patterns a project does without."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


def key(*columns: str) -> models.CompositePrimaryKey:
    return models.CompositePrimaryKey(*columns, blank=True, editable=False, primary_key=True, serialize=False)


FLAG = migrations.CreateModel(
    name="Flag",
    fields=[
        ("pk", key("project_id", "trace_id", "span_id", "start_ns")),
        ("project_id", models.BigIntegerField()),
        ("trace_id", models.BinaryField(max_length=16)),
        ("span_id", models.BinaryField(max_length=8)),
        ("start_ns", models.BigIntegerField()),
        ("flags", models.JSONField()),
    ],
    options={"db_table": "metrics_flag"},
)
COUNT = migrations.CreateModel(
    name="FlagCount",
    fields=[
        ("pk", key("project_id", "day", "agent", "agent_version", "name")),
        ("project_id", models.BigIntegerField()),
        ("day", models.DateField()),
        ("agent", models.TextField()),
        ("agent_version", models.TextField()),
        ("name", models.TextField()),
        ("spans", models.BigIntegerField()),
        ("traces", models.BigIntegerField()),
    ],
    options={"db_table": "metrics_flag_count"},
)


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0001_initial"),
        ("metrics", "0014_evaluations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "schema_0015.sql").read_text(),
            (SQL / "schema_0015_drop.sql").read_text(),
            state_operations=[FLAG, COUNT],
        ),
        migrations.CreateModel(
            name="CheckPolicy",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="check_policy",
                        serialize=False,
                        to="agents.project",
                    ),
                ),
                (
                    "off",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        default=list,
                        help_text="Ids of patterns.",
                        size=None,
                    ),
                ),
                ("changed_at", models.DateTimeField()),
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
            options={"db_table": "metrics_check_policy"},
        ),
    ]
