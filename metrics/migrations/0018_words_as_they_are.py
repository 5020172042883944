"""Words of the text index are stored as they are: PostgreSQL tried to compress each of them, and gained nothing.

What is stored already stays as it is.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0017_score_names")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE metrics_search ALTER COLUMN words SET STORAGE EXTERNAL",
            "ALTER TABLE metrics_search ALTER COLUMN words SET STORAGE EXTENDED",
        ),
    ]
