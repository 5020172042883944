"""What checks of the text of requests have found."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reviews", "0010_quality")]

    operations = [
        migrations.AddField(
            model_name="approval",
            name="flags",
            field=models.JSONField(default=list, help_text="What `metrics.checks.flag.Flag.document` makes."),
        ),
        migrations.AddField(
            model_name="approval",
            name="unchecked_chars",
            field=models.PositiveIntegerField(default=0, help_text="Characters beyond what is checked."),
        ),
    ]
