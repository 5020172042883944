"""Which span a trace's name and metadata come from, so that its summary does not depend on who arrived first.

Columns with a constant default: PostgreSQL adds them without rewriting the table.
"""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("metrics", "0002_span_errors")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE metrics_trace "
            "ADD COLUMN ranks bytea[] NOT NULL DEFAULT '{}', "
            "ADD COLUMN metadata_ranks jsonb NOT NULL DEFAULT '{}'",
            "ALTER TABLE metrics_trace DROP COLUMN ranks, DROP COLUMN metadata_ranks",
            state_operations=[
                migrations.AddField(
                    "trace",
                    "ranks",
                    django.contrib.postgres.fields.ArrayField(models.BinaryField(), default=list),
                ),
                migrations.AddField("trace", "metadata_ranks", models.JSONField(default=dict)),
            ],
        ),
    ]
