"""Policies tried on the past, and rules that the past suggests."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.verbatim
import reviews.ids


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("agents", "0005_outbox_exact"),
        ("reviews", "0008_datasets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Backtest",
            fields=[
                ("id", models.UUIDField(default=reviews.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "subject",
                    models.CharField(
                        choices=[("version", "Version"), ("draft", "Draft"), ("sent", "Sent"), ("pattern", "Pattern")],
                        max_length=8,
                    ),
                ),
                (
                    "number",
                    models.PositiveIntegerField(
                        help_text="The version that was tried, or that the policy was begun from."
                    ),
                ),
                (
                    "document",
                    agents.models.verbatim.VerbatimJSONField(help_text="What `reviews.policy.schema.load` reads."),
                ),
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of the document as canonical JSON, hexadecimal.", max_length=64
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(help_text="Excluded.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("position", models.DateTimeField(help_text="Requests made until then are judged.")),
                (
                    "total",
                    models.PositiveIntegerField(help_text="Requests in the range, once they are counted.", null=True),
                ),
                ("done", models.PositiveIntegerField(default=0, help_text="Requests that are judged.")),
                ("tallies", models.JSONField(default=dict, help_text="What `reviews.policy.backtest.Tallies` keeps.")),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Begun since the position last moved."),
                ),
                ("leased_until", models.DateTimeField(help_text="Until then a worker is at it.", null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "created_by",
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
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.project",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BacktestCase",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("false_approval", "False Approval"), ("false_rejection", "False Rejection")],
                        max_length=15,
                    ),
                ),
                ("what", models.CharField(help_text="What people decided, or the outcome that tells.", max_length=8)),
                ("rule", models.CharField(help_text="The rule of the tried policy that matched.", max_length=100)),
                ("action", models.CharField(max_length=200)),
                ("agent", models.CharField(blank=True, max_length=200)),
                (
                    "approval",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.approval",
                    ),
                ),
                (
                    "backtest",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cases",
                        to="reviews.backtest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Pattern",
            fields=[
                ("id", models.UUIDField(default=reviews.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("action", models.CharField(max_length=200)),
                ("verdict", models.CharField(help_text="approve or reject.", max_length=8)),
                (
                    "clauses",
                    models.JSONField(
                        help_text='[{"path", "comparison", "value"}] of `reviews.policy.patterns.Clause`.'
                    ),
                ),
                ("condition", models.CharField(help_text="The same in the language of rules.", max_length=1000)),
                (
                    "key",
                    models.CharField(
                        help_text="SHA-256 of verdict and condition: a rule is suggested once.", max_length=64
                    ),
                ),
                (
                    "matched",
                    models.PositiveIntegerField(help_text="Requests that people decided and that the condition fits."),
                ),
                ("agreeing", models.PositiveIntegerField(help_text="Those of them that were decided this way.")),
                (
                    "later_matched",
                    models.PositiveIntegerField(help_text="Of the matched those that the search did not look at."),
                ),
                ("later_agreeing", models.PositiveIntegerField()),
                (
                    "exceptions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(),
                        default=list,
                        help_text="Matched requests that were decided otherwise.",
                        size=None,
                    ),
                ),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("found_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("proposed", "Proposed"), ("drafted", "Drafted"), ("dismissed", "Dismissed")],
                        default="proposed",
                        max_length=9,
                    ),
                ),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "backtest",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pattern", to="reviews.backtest"
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.project",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="backtest",
            index=models.Index(fields=["project", "-created_at", "-id"], name="reviews_backtest_newest"),
        ),
        migrations.AddIndex(
            model_name="backtest",
            index=models.Index(
                condition=models.Q(("status__in", ["waiting", "running"])),
                fields=["created_at"],
                name="reviews_backtest_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(("since__lt", models.F("until"))), name="reviews_backtest_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finished_at__isnull", True), ("status__in", ["waiting", "running"])),
                    models.Q(("finished_at__isnull", False), ("status__in", ["done", "cancelled", "failed"])),
                    _connector="OR",
                ),
                name="reviews_backtest_finished",
            ),
        ),
        migrations.AddIndex(
            model_name="backtestcase",
            index=models.Index(fields=["backtest", "id"], name="reviews_backtest_cases"),
        ),
        migrations.AddIndex(
            model_name="backtestcase",
            index=models.Index(fields=["backtest", "kind", "id"], name="reviews_backtest_cases_of_kind"),
        ),
        migrations.AddConstraint(
            model_name="backtestcase",
            constraint=models.UniqueConstraint(fields=("backtest", "approval"), name="reviews_backtest_case_once"),
        ),
        migrations.AddIndex(
            model_name="pattern",
            index=models.Index(fields=["project", "status", "-found_at"], name="reviews_pattern_newest"),
        ),
        migrations.AddConstraint(
            model_name="pattern",
            constraint=models.UniqueConstraint(fields=("project", "key"), name="reviews_pattern_once"),
        ),
    ]
