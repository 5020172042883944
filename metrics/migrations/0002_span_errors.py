"""The index behind "top errors": the latest failed spans of a project, without reading those that went well."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX metrics_span_errors ON metrics_span (project_id, start_ns DESC) WHERE status = 'error'",
            "DROP INDEX metrics_span_errors",
        ),
    ]
