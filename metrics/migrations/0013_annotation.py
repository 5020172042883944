"""Queues of traces that people are to score."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_outbox_people"),
        ("metrics", "0012_score_configs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AnnotationItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("trace_id", models.BinaryField(max_length=16)),
                ("span_id", models.BinaryField(max_length=8, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("done", "done")], default="waiting", max_length=8
                    ),
                ),
                ("done_count", models.PositiveSmallIntegerField(default=0)),
                (
                    "reason",
                    models.CharField(blank=True, default="", help_text="Why it is here, in words.", max_length=200),
                ),
                (
                    "added_by",
                    models.CharField(
                        blank=True, default="", help_text="Name of who added it; not a rule.", max_length=200
                    ),
                ),
                ("locked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("done_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "metrics_annotation_item",
            },
        ),
        migrations.CreateModel(
            name="AnnotationQueue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("description", models.CharField(blank=True, default="", max_length=1000)),
                (
                    "reviewers",
                    models.PositiveSmallIntegerField(default=1, help_text="How many people score each item."),
                ),
                ("created_at", models.DateTimeField()),
                ("archived_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "metrics_annotation_queue",
            },
        ),
        migrations.CreateModel(
            name="AnnotationReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("state", models.CharField(choices=[("done", "done"), ("skipped", "skipped")], max_length=8)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "metrics_annotation_review",
            },
        ),
        migrations.CreateModel(
            name="AnnotationRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("low_score", "scored low"),
                            ("high_cost", "cost much"),
                            ("errors", "had errors"),
                            ("sample", "random sample"),
                            ("every_nth", "every Nth"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "query",
                    models.CharField(
                        blank=True, default="", help_text="As in the address of the trace list.", max_length=2000
                    ),
                ),
                ("score_name", models.CharField(blank=True, default="", max_length=120)),
                ("amount", models.FloatField(null=True)),
                ("seen_ns", models.BigIntegerField()),
                ("seen_trace", models.BinaryField(default=b"", max_length=16)),
                ("seen_score", models.BigIntegerField(default=0)),
                ("matched", models.BigIntegerField(default=0, help_text="Traces that passed the filter.")),
                ("added", models.BigIntegerField(default=0, help_text="Items that came into the queue by this rule.")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "metrics_annotation_rule",
            },
        ),
        migrations.AddField(
            model_name="annotationitem",
            name="assigned_to",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="annotationitem",
            name="locked_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="annotationqueue",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="annotation_queues", to="agents.project"
            ),
        ),
        migrations.AddField(
            model_name="annotationqueue",
            name="team",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="agents.team"
            ),
        ),
        migrations.AddField(
            model_name="annotationitem",
            name="queue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="items", to="metrics.annotationqueue"
            ),
        ),
        migrations.AddField(
            model_name="annotationreview",
            name="item",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="reviews", to="metrics.annotationitem"
            ),
        ),
        migrations.AddField(
            model_name="annotationreview",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="annotationrule",
            name="queue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="metrics.annotationqueue"
            ),
        ),
        migrations.AddField(
            model_name="annotationitem",
            name="rule",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="metrics.annotationrule"
            ),
        ),
        migrations.AddField(
            model_name="annotationqueue",
            name="configs",
            field=models.ManyToManyField(related_name="annotation_queues", to="metrics.scoreconfig"),
        ),
        migrations.AddConstraint(
            model_name="annotationreview",
            constraint=models.UniqueConstraint(fields=("item", "user"), name="annotation_review_once"),
        ),
        migrations.AddConstraint(
            model_name="annotationreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["done", "skipped"])), name="annotation_review_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["low_score", "high_cost", "errors", "sample", "every_nth"])),
                name="annotation_rule_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "errors"), ("amount__isnull", False), _connector="OR"),
                name="annotation_rule_amount",
            ),
        ),
        migrations.AddIndex(
            model_name="annotationitem",
            index=models.Index(fields=["queue", "-id"], name="annotation_item_newest"),
        ),
        migrations.AddIndex(
            model_name="annotationitem",
            index=models.Index(
                condition=models.Q(("state", "waiting")), fields=["queue", "id"], name="annotation_item_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="annotationitem",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["queue", "assigned_to", "id"],
                name="annotation_item_assigned",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationitem",
            constraint=models.UniqueConstraint(
                fields=("queue", "trace_id", "span_id"), name="annotation_item_once", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["waiting", "done"])), name="annotation_item_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("done_at__isnull", True), ("state", "waiting")),
                    models.Q(("done_at__isnull", False), ("state", "done")),
                    _connector="OR",
                ),
                name="annotation_item_done_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationqueue",
            constraint=models.UniqueConstraint(
                condition=models.Q(("archived_at__isnull", True)),
                fields=("project", "name"),
                name="annotation_queue_name",
            ),
        ),
        migrations.AddConstraint(
            model_name="annotationqueue",
            constraint=models.CheckConstraint(
                condition=models.Q(("reviewers__gte", 1), ("reviewers__lte", 20)), name="annotation_reviewers"
            ),
        ),
    ]
