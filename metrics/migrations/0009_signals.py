"""What sessions, logs and metrics are found by: summaries of sessions, the catalogue of series, indexes of logs."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
ARRAY = django.contrib.postgres.fields.ArrayField


def key(*columns: str) -> models.CompositePrimaryKey:
    return models.CompositePrimaryKey(*columns, blank=True, editable=False, primary_key=True, serialize=False)


METRIC = migrations.CreateModel(
    name="Metric",
    fields=[
        ("pk", key("project_id", "name", "kind")),
        ("project_id", models.BigIntegerField()),
        ("name", models.TextField()),
        ("kind", models.TextField(help_text="gauge, sum, histogram, exponential_histogram or summary")),
        ("temporality", models.TextField()),
        ("monotonic", models.BooleanField()),
        ("unit", models.TextField()),
        ("first_ns", models.BigIntegerField()),
        ("last_ns", models.BigIntegerField(help_text="At most a minute behind the last point.")),
        (
            "overflow_ns",
            models.BigIntegerField(null=True, help_text="When a series was last left out: there were too many."),
        ),
    ],
    options={"db_table": "metrics_metric"},
)
SERIES = migrations.CreateModel(
    name="Series",
    fields=[
        ("pk", key("project_id", "name", "series")),
        ("project_id", models.BigIntegerField()),
        ("name", models.TextField()),
        ("kind", models.TextField()),
        ("series", models.BinaryField(max_length=16)),
        ("temporality", models.TextField()),
        ("monotonic", models.BooleanField()),
        ("unit", models.TextField()),
        ("attributes", models.JSONField(default=dict)),
        ("service", models.TextField(default="")),
        ("environment", models.TextField(default="")),
        ("first_ns", models.BigIntegerField()),
        ("last_ns", models.BigIntegerField(help_text="At most a minute behind the last point.")),
    ],
    options={"db_table": "metrics_series"},
)
SESSION = migrations.CreateModel(
    name="Session",
    fields=[
        ("pk", key("project_id", "session_id")),
        ("project_id", models.BigIntegerField()),
        ("session_id", models.TextField()),
        ("first_ns", models.BigIntegerField(help_text="Start of the first trace.")),
        ("last_ns", models.BigIntegerField(help_text="Latest end of any trace.")),
        ("trace_count", models.IntegerField()),
        ("failed_count", models.IntegerField(help_text="Traces that ended in an error.")),
        ("error_count", models.BigIntegerField(help_text="Spans that failed.")),
        ("cost_nanos", models.BigIntegerField()),
        ("unpriced_count", models.BigIntegerField()),
        ("input_tokens", models.BigIntegerField()),
        ("output_tokens", models.BigIntegerField()),
        ("user_id", models.TextField(default="")),
        ("environment", models.TextField(default="")),
        ("agents", ARRAY(base_field=models.TextField(), default=list, size=None)),
        ("last_trace_id", models.BinaryField(max_length=16)),
        ("last_name", models.TextField()),
        ("last_status", models.TextField(help_text="Of the trace that began last: ok, error or waiting.")),
        ("updated_at", models.DateTimeField()),
        ("models", ARRAY(base_field=models.TextField(), default=list, size=None)),
    ],
    options={"db_table": "metrics_session"},
)


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_saved_views")]

    operations = [
        migrations.RunSQL(
            (SQL / "schema_0009.sql").read_text(),
            (SQL / "schema_0009_drop.sql").read_text(),
            state_operations=[METRIC, SERIES, SESSION],
        ),
    ]
