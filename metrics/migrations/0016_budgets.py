"""Budgets of projects, agents and models."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import agents.models.user


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_outbox_people"),
        ("metrics", "0015_flags"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("agent", models.CharField(blank=True, max_length=200, verbose_name="agent")),
                ("model", models.CharField(blank=True, max_length=200, verbose_name="model")),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "Day"), ("week", "Week"), ("month", "Month")],
                        max_length=5,
                        verbose_name="period",
                    ),
                ),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[agents.models.user.validate_time_zone],
                        verbose_name="time zone",
                    ),
                ),
                (
                    "limit_nanos",
                    models.BigIntegerField(
                        help_text="Nano-dollars.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000000000000000000),
                        ],
                    ),
                ),
                (
                    "warn_share",
                    models.DecimalField(
                        decimal_places=3,
                        default=Decimal("0.8"),
                        max_digits=4,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("0.001")),
                            django.core.validators.MaxValueValidator(1),
                        ],
                        verbose_name="warn from",
                    ),
                ),
                (
                    "when_spent",
                    models.CharField(
                        choices=[("warn", "Only warn"), ("refuse", "Say no to agents that ask")],
                        max_length=6,
                        verbose_name="when it is spent",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                ("told_period", models.DateTimeField(blank=True, null=True)),
                (
                    "told_level",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Fine"), (1, "Nearly spent"), (2, "Spent")], default=0
                    ),
                ),
            ],
            options={
                "db_table": "metrics_budget",
            },
        ),
        migrations.AddField(
            model_name="budget",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="budget",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="budgets", to="agents.project"
            ),
        ),
        migrations.AddIndex(
            model_name="budget",
            index=models.Index(
                condition=models.Q(("archived_at__isnull", True)), fields=["project"], name="budget_in_force"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("agent", ""), ("model", ""), _connector="OR"), name="budget_of_one_thing"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("limit_nanos__gt", 0), ("limit_nanos__lte", 1000000000000000000)),
                name="budget_limit_positive",
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("warn_share__gt", 0), ("warn_share__lte", 1)), name="budget_warn_share"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("period__in", ["day", "week", "month"])), name="budget_period_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("when_spent__in", ["warn", "refuse"])), name="budget_when_spent_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("told_level__in", [0, 1, 2])), name="budget_level_known"
            ),
        ),
    ]
