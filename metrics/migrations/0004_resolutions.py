"""Rollups in several resolutions with the status as a dimension, and what traces are found and sorted by."""

from pathlib import Path

import django.contrib.postgres.fields
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
ARRAY = django.contrib.postgres.fields.ArrayField


class Migration(migrations.Migration):
    dependencies = [("metrics", "0003_trace_ranks")]

    operations = [
        migrations.RunSQL(
            (SQL / "schema_0004.sql").read_text(),
            (SQL / "schema_0004_drop.sql").read_text(),
            state_operations=[
                migrations.DeleteModel("Rollup"),
                migrations.CreateModel(
                    name="Rollup",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "project_id", "seconds", "start", "entry", "kind", "name", "agent", "agent_version",
                                "environment", "model", "provider", "status",
                                blank=True, editable=False, primary_key=True, serialize=False,
                            ),
                        ),
                        ("project_id", models.BigIntegerField()),
                        ("seconds", models.IntegerField(help_text="60 for a minute; 900, 3600 and 86400 are compacted.")),
                        ("start", models.DateTimeField()),
                        ("entry", models.BooleanField()),
                        ("kind", models.TextField()),
                        ("name", models.TextField()),
                        ("agent", models.TextField()),
                        ("agent_version", models.TextField()),
                        ("environment", models.TextField()),
                        ("model", models.TextField()),
                        ("provider", models.TextField()),
                        ("status", models.TextField()),
                        ("span_count", models.BigIntegerField(default=0)),
                        ("error_count", models.BigIntegerField(default=0)),
                        ("unpriced_count", models.BigIntegerField(default=0)),
                        ("input_tokens", models.BigIntegerField(default=0)),
                        ("output_tokens", models.BigIntegerField(default=0)),
                        ("cache_read_tokens", models.BigIntegerField(default=0)),
                        ("cache_write_tokens", models.BigIntegerField(default=0)),
                        ("reasoning_tokens", models.BigIntegerField(default=0)),
                        ("cost_nanos", models.BigIntegerField(default=0)),
                        ("duration_sum_ns", models.DecimalField(decimal_places=0, default=0, max_digits=30)),
                        ("histogram", ARRAY(base_field=models.IntegerField(), default=list, size=None)),
                    ],
                    options={"db_table": "metrics_rollup"},
                ),
                migrations.AddField(
                    "span",
                    "agent_stated",
                    models.BooleanField(default=True, help_text="Else the agent is that of a span above."),
                ),
                migrations.AddField(
                    "span",
                    "noise",
                    models.BooleanField(default=False, help_text="Of an HTTP client or the like; folded away."),
                ),
                migrations.AddField("trace", "team", models.TextField(default="")),
                migrations.AddField("trace", "error_types", ARRAY(models.TextField(), default=list)),
                migrations.AddField(
                    "trace", "facets", ARRAY(models.BigIntegerField(), default=list, help_text="See metrics.facets.")
                ),
            ],
        ),
    ]
