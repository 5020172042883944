"""What an example carries beyond its decision: labels, what its trace used, corrections; a project's taxonomy."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.fields.json
import django.db.models.functions.text
import pgtrigger
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import connection, migrations, models

# Only what differs from the columns' defaults: most examples have no labels and one revision.
FILL = """
    UPDATE reviews_feedbackexample AS example
       SET labels = coalesce(decision.labels, '{}'),
           cause = CASE WHEN example.revision = 1 THEN 'decision' ELSE 'outcome' END
      FROM reviews_feedbackexample AS same LEFT JOIN reviews_decision AS decision ON decision.id = same.decision_id
     WHERE same.id = example.id AND (example.revision > 1 OR decision.labels <> '{}')
"""


def fill(_apps, _schema_editor):
    """Gives the examples that are there their labels, and their later revisions the cause that these had so far."""
    with pgtrigger.ignore("reviews.FeedbackExample:feedback_append_only"), connection.cursor() as cursor:
        cursor.execute(FILL)


def key():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def project(name="+", field=models.ForeignKey):
    return field(on_delete=django.db.models.deletion.PROTECT, related_name=name, to="agents.project")


def labels(**options):
    base = models.CharField(max_length=100)
    return django.contrib.postgres.fields.ArrayField(base_field=base, blank=True, default=list, size=None, **options)


def in_order(name, column):
    return migrations.AddIndex(
        model_name="feedbackexample",
        index=models.Index(fields=["project", column, "transaction", "id"], name=name),
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("agents", "0001_initial"),
        ("reviews", "0006_precedents"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        migrations.CreateModel(
            name="FeedbackSettings",
            fields=[
                ("id", key()),
                (
                    "reviewer_names",
                    models.BooleanField(
                        default=False,
                        help_text="Whether examples name their reviewers; else they have pseudonyms.",
                    ),
                ),
                (
                    "labels_closed",
                    models.BooleanField(
                        default=False,
                        help_text="Whether only these labels may be given, and those that the agent offered.",
                    ),
                ),
                ("project", project("feedback_settings", models.OneToOneField)),
            ],
        ),
        migrations.CreateModel(
            name="ReasonLabel",
            fields=[
                ("id", key()),
                ("name", models.CharField(max_length=100)),
                (
                    "description",
                    models.CharField(blank=True, help_text="When to give it, for reviewers.", max_length=200),
                ),
                ("position", models.PositiveIntegerField(help_text="Its place among those offered.")),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                ("project", project("reason_labels")),
            ],
            options={"ordering": ["position", "id"]},
        ),
        migrations.AddConstraint(
            model_name="reasonlabel",
            constraint=models.UniqueConstraint(
                models.F("project"), django.db.models.functions.text.Lower("name"), name="reviews_label_name"
            ),
        ),
        migrations.CreateModel(
            name="FeedbackCorrection",
            fields=[
                ("id", key()),
                ("labels", labels()),
                ("reason", models.TextField(blank=True)),
                ("corrected_by_name", models.CharField(max_length=200)),
                ("corrected_by_role", models.CharField(help_text="In the project, when correcting.", max_length=20)),
                ("corrected_at", models.DateTimeField()),
                (
                    "corrected_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="reviews.approvalitem",
                    ),
                ),
                ("project", project()),
            ],
            options={"ordering": ["item", "id"]},
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="feedbackcorrection",
            trigger=pgtrigger.compiler.Trigger(
                name="correction_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ce33ae7da0a5f3b501b8d2b3f9fb62217e2eb6e8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_correction_append_only_9bdce",
                    table="reviews_feedbackcorrection",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="feedbackexample",
            name="cause",
            field=models.CharField(
                choices=[("decision", "Decision"), ("outcome", "Outcome"), ("correction", "Correction")],
                db_default="decision",
                help_text="Of the revision.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="feedbackexample",
            name="labels",
            field=labels(db_default=[], help_text="Of the decision, or as corrected."),
        ),
        migrations.AddField(
            model_name="feedbackexample",
            name="trace_cost_nanos",
            field=models.BigIntegerField(
                blank=True,
                help_text="What the trace had cost by then, in nano-USD; null where nothing was known.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="feedbackexample",
            name="trace_models",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(),
                blank=True,
                db_default=[],
                default=list,
                help_text="Used in the trace until the revision was written.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="feedbackexample",
            name="correction",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reviews.feedbackcorrection",
            ),
        ),
        in_order("reviews_feedback_action", "action"),
        in_order("reviews_feedback_agent", "agent"),
        in_order("reviews_feedback_verdict", "verdict"),
        migrations.AddIndex(
            model_name="feedbackexample",
            index=models.Index(
                models.F("project"),
                django.db.models.fields.json.KeyTextTransform("status", "outcome"),
                models.F("transaction"),
                models.F("id"),
                condition=models.Q(outcome__isnull=False),
                name="reviews_feedback_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="feedbackexample",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("labels", []), _negated=True), fields=["labels"], name="reviews_feedback_labels"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
