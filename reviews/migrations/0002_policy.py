"""Drafts of policies; requests keep their plan and why each rule did or did not match."""

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.verbatim


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("reviews", "0001_initial"),
        ("agents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        migrations.AddField(
            model_name="approval",
            name="rule_trace",
            field=models.JSONField(
                default=list, help_text='[{"rule", "matched", "why"}] in the order of the rules.'
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="plan",
            field=models.JSONField(default=dict, help_text="What `reviews.policy.plan.load_plan` reads."),
        ),
        migrations.CreateModel(
            name="PolicyDraft",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "document",
                    agents.models.verbatim.VerbatimJSONField(help_text="What `reviews.policy.schema.load` reads."),
                ),
                (
                    "base",
                    models.PositiveIntegerField(help_text="The number of the version that it was begun from."),
                ),
                (
                    "edition",
                    models.PositiveIntegerField(
                        default=1, help_text="Counts changes, so that two people cannot overwrite."
                    ),
                ),
                ("changed_at", models.DateTimeField()),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="policy_draft", to="agents.project"
                    ),
                ),
            ],
        ),
    ]
