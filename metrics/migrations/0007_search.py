"""Indexes of the trace list, and the text index."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("metrics", "0006_scores")]

    operations = [
        migrations.RunSQL((SQL / "schema_0007.sql").read_text(), (SQL / "schema_0007_drop.sql").read_text()),
    ]
