"""Which values a day's rollups tell apart, and what a day cost by end user, tag and team."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
FIGURES = (
    "trace_count", "cost_nanos", "unpriced_count", "input_tokens", "output_tokens", "cache_read_tokens",
    "cache_write_tokens", "reasoning_tokens",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("metrics", "0009_signals")]

    operations = [
        migrations.RunSQL(
            (SQL / "schema_0010.sql").read_text(),
            (SQL / "schema_0010_drop.sql").read_text(),
            state_operations=[
                migrations.CreateModel(
                    name="Spend",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "project_id", "day", "dimension", "value",
                                blank=True, editable=False, primary_key=True, serialize=False,
                            ),
                        ),
                        ("project_id", models.BigIntegerField()),
                        ("day", models.DateField()),
                        ("dimension", models.TextField()),
                        ("value", models.TextField()),
                        *((name, models.BigIntegerField(default=0)) for name in FIGURES),
                        ("value_count", models.IntegerField(default=1)),
                    ],
                    options={"db_table": "metrics_spend"},
                ),
                migrations.AddField(
                    "rollup", "packed", models.BinaryField(null=True, help_text="The histogram, ready to be read.")
                ),
            ],
        ),
    ]
