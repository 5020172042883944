"""What projects mask in telemetry, and how much was masked."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import metrics.models.masking


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0002_retention"),
        ("metrics", "0004_resolutions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="MaskingPolicy",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="masking_policy",
                        serialize=False, to="agents.project",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                (
                    "mode",
                    models.CharField(
                        choices=[("redact", "Redact"), ("pseudonym", "Pseudonym")], default="redact", max_length=16
                    ),
                ),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=metrics.models.masking.all_kinds, size=None
                    ),
                ),
                (
                    "patterns",
                    models.JSONField(default=list, help_text="Objects with a name and a pattern of RE2."),
                ),
                ("changed_at", models.DateTimeField(null=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "metrics_masking_policy",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["redact", "pseudonym"])), name="masking_mode_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MaskedCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("kind", models.CharField(max_length=40)),
                ("count", models.BigIntegerField()),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="agents.project"
                    ),
                ),
            ],
            options={
                "db_table": "metrics_masked_count",
                "constraints": [
                    models.UniqueConstraint(fields=("project", "day", "kind"), name="one_masked_count_a_day")
                ],
            },
        ),
    ]
