"""Which values a day's rollups tell apart, and what a day cost by end user, tag and team."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("metrics", "0009_signals")]

    operations = [
        migrations.RunSQL((SQL / "schema_0010.sql").read_text(), (SQL / "schema_0010_drop.sql").read_text()),
    ]
