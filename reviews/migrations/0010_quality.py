"""Decided requests that people judge once more, seeds among them, and what several said of the same."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import reviews.ids


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("agents", "0005_outbox_exact"),
        ("reviews", "0009_backtests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Rereview",
            fields=[
                ("id", models.UUIDField(default=reviews.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("sample", "Sample"), ("seed", "Seed")], max_length=6)),
                (
                    "place",
                    models.BigIntegerField(
                        help_text="In the list that people go through: by chance, but always the same."
                    ),
                ),
                (
                    "wanted",
                    models.PositiveSmallIntegerField(help_text="So many answers; 0: one of everybody, as of seeds."),
                ),
                ("answered", models.PositiveIntegerField(default=0)),
                (
                    "known",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("approve", "approve"),
                            ("edit", "edit"),
                            ("reject", "reject"),
                            ("respond", "respond"),
                        ],
                        help_text="Of a seed the right answer.",
                        max_length=8,
                    ),
                ),
                ("explanation", models.TextField(blank=True, help_text="Of a seed: why that is right.")),
                ("made_at", models.DateTimeField()),
                (
                    "closed_at",
                    models.DateTimeField(
                        blank=True, help_text="Answered as often as wanted, lapsed or retired.", null=True
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rereview", to="reviews.approvalitem"
                    ),
                ),
                (
                    "made_by",
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
            name="RereviewAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("sample", "Sample"), ("seed", "Seed")], help_text="Of the rereview.", max_length=6
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("held", "Held"), ("answered", "Answered"), ("skipped", "Skipped")],
                        default="held",
                        max_length=8,
                    ),
                ),
                (
                    "leased_until",
                    models.DateTimeField(blank=True, help_text="While held: from here on void.", null=True),
                ),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("approve", "approve"),
                            ("edit", "edit"),
                            ("reject", "reject"),
                            ("respond", "respond"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "labels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), blank=True, default=list, size=None
                    ),
                ),
                ("note", models.TextField(blank=True, help_text="Why, or of an edit what should be changed.")),
                (
                    "agrees",
                    models.BooleanField(
                        help_text="With the known answer of a seed, else with the first verdict.", null=True
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.project",
                    ),
                ),
                (
                    "rereview",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="answers", to="reviews.rereview"
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="QualitySettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "share",
                    models.FloatField(
                        default=0.0,
                        help_text="Of the decided actions, 0 to 1.",
                        validators=[
                            django.core.validators.MinValueValidator(0.0),
                            django.core.validators.MaxValueValidator(1.0),
                        ],
                    ),
                ),
                (
                    "wanted",
                    models.PositiveSmallIntegerField(default=1, help_text="So many people look at each once more."),
                ),
                (
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="quality_settings",
                        to="agents.project",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who is asked; null: everybody who may decide.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="agents.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("share__gte", 0.0), ("share__lte", 1.0)), name="reviews_quality_share"
                    ),
                    models.CheckConstraint(condition=models.Q(("wanted__gte", 1)), name="reviews_quality_wanted"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RatedItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(choices=[("blind", "Blind"), ("votes", "Votes")], max_length=5)),
                ("action", models.CharField(max_length=200)),
                (
                    "ratings",
                    models.JSONField(
                        help_text='[{"reviewer": id, "verdict", "at": seconds since 1970}] in the order of time.'
                    ),
                ),
                ("rated_at", models.DateTimeField(help_text="The last of them.")),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reviews.approvalitem",
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
            options={
                "indexes": [
                    models.Index(
                        models.F("project"),
                        models.F("source"),
                        models.OrderBy(models.F("rated_at"), descending=True),
                        models.F("id"),
                        name="reviews_rated_latest",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("item", "source"), name="reviews_rated_once")],
            },
        ),
        migrations.AddIndex(
            model_name="rereview",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["project", "place"],
                name="reviews_rereview_open",
            ),
        ),
        migrations.AddIndex(
            model_name="rereview",
            index=models.Index(
                condition=models.Q(("kind", "seed")), fields=["project", "-made_at", "-id"], name="reviews_seeds"
            ),
        ),
        migrations.AddIndex(
            model_name="rereview",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True), ("kind", "sample")),
                fields=["project", "-made_at", "-id"],
                name="reviews_samples_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="rereview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "seed"), ("wanted", 0), models.Q(("known", ""), _negated=True)),
                    models.Q(("kind", "sample"), ("known", ""), ("wanted__gte", 1)),
                    _connector="OR",
                ),
                name="reviews_rereview_seed_knows",
            ),
        ),
        migrations.AddIndex(
            model_name="rereviewanswer",
            index=models.Index(
                condition=models.Q(("status", "answered")),
                fields=["project", "kind", "-answered_at"],
                name="reviews_rereview_answers",
            ),
        ),
        migrations.AddIndex(
            model_name="rereviewanswer",
            index=models.Index(
                condition=models.Q(("status", "held")), fields=["reviewer", "project"], name="reviews_rereview_mine"
            ),
        ),
        migrations.AddConstraint(
            model_name="rereviewanswer",
            constraint=models.UniqueConstraint(fields=("rereview", "reviewer"), name="reviews_rereview_once"),
        ),
        migrations.AddConstraint(
            model_name="rereviewanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("answered_at__isnull", True),
                        ("leased_until__isnull", False),
                        ("status", "held"),
                        ("verdict", ""),
                    ),
                    models.Q(
                        ("answered_at__isnull", True),
                        ("leased_until__isnull", True),
                        ("status", "skipped"),
                        ("verdict", ""),
                    ),
                    models.Q(
                        ("answered_at__isnull", False),
                        ("leased_until__isnull", True),
                        ("status", "answered"),
                        models.Q(("verdict", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="reviews_rereview_answer_status",
            ),
        ),
    ]
