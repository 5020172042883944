"""A project may keep its telemetry for ever."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="project",
            name="retention_days",
            field=models.PositiveIntegerField(
                blank=True,
                default=90,
                help_text="Empty keeps it for ever.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(3650),
                ],
                verbose_name="days to keep telemetry",
            ),
        ),
    ]
