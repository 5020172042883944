"""Frozen datasets and their exports."""

import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import reviews.ids


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("reviews", "0007_feedback"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dataset",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                ("description", models.CharField(blank=True, max_length=500)),
                (
                    "filters",
                    models.JSONField(default=dict, help_text="What `reviews.freezing.ExampleFilter.read` takes."),
                ),
                ("shares", models.JSONField(help_text='{"train", "validation", "test"} in percent, together 100.')),
                (
                    "masks",
                    models.BooleanField(
                        default=True, help_text="Whether personal data and secrets are masked when freezing."
                    ),
                ),
                ("created_at", models.DateTimeField()),
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="datasets", to="agents.project"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DatasetVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("lease", models.UUIDField(blank=True, help_text="Of the worker that is at it.", null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Since the last step that was stored."),
                ),
                ("error", models.CharField(blank=True, help_text="Why it failed, in words.", max_length=300)),
                ("requested_by_label", models.CharField(max_length=200)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("number", models.PositiveIntegerField(help_text="Counts from 1 in each dataset.")),
                ("filters", models.JSONField(default=dict)),
                ("shares", models.JSONField()),
                (
                    "masking",
                    models.JSONField(
                        blank=True, help_text="The policy that lines were masked by; null: by none.", null=True
                    ),
                ),
                ("end_transaction", models.BigIntegerField(help_text="With end_row: the last example that counts.")),
                ("end_row", models.BigIntegerField()),
                (
                    "seen_transaction",
                    models.BigIntegerField(help_text="With seen_row: the last example that was looked at."),
                ),
                ("seen_row", models.BigIntegerField()),
                ("collected", models.BooleanField(default=False)),
                (
                    "matching",
                    models.PositiveBigIntegerField(default=0, help_text="Examples that match, duplicates included."),
                ),
                (
                    "distinct",
                    models.PositiveBigIntegerField(
                        default=0, help_text="Of these, how many are left without duplicates."
                    ),
                ),
                ("examples", models.PositiveBigIntegerField(default=0, help_text="Lines written.")),
                ("parts_count", models.PositiveIntegerField(default=0)),
                (
                    "size",
                    models.PositiveBigIntegerField(default=0, help_text="Bytes of all lines with their newlines."),
                ),
                (
                    "card",
                    models.JSONField(
                        default=dict, help_text="Counts, as `reviews.freezing.Tally.document` writes them."
                    ),
                ),
                (
                    "content_hash",
                    models.CharField(blank=True, help_text="SHA-256 of all lines, each with a newline.", max_length=64),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="reviews.dataset"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DatasetPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(help_text="Its place, from 0.")),
                ("rows", models.PositiveIntegerField()),
                ("data", models.BinaryField(help_text="Canonical JSON lines, compressed with zstd.")),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="reviews.datasetversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DatasetCandidate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.BinaryField(help_text="SHA-256 of action, arguments and context.")),
                ("transaction", models.BigIntegerField()),
                (
                    "example",
                    models.BigIntegerField(help_text="Its row; with `transaction` its place in the order of examples."),
                ),
                ("verdict", models.CharField(max_length=10)),
                ("copies", models.PositiveIntegerField(help_text="How many examples ask the same, this one included.")),
                ("contested", models.BooleanField(help_text="Whether they were not all decided alike.")),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="reviews.datasetversion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("lease", models.UUIDField(blank=True, help_text="Of the worker that is at it.", null=True)),
                ("leased_until", models.DateTimeField(blank=True, null=True)),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Since the last step that was stored."),
                ),
                ("error", models.CharField(blank=True, help_text="Why it failed, in words.", max_length=300)),
                ("requested_by_label", models.CharField(max_length=200)),
                ("requested_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("id", models.UUIDField(default=reviews.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("format", models.CharField(help_text="A name in `reviews.exporting.FORMATS`.", max_length=20)),
                (
                    "split",
                    models.CharField(
                        blank=True, help_text="train, validation or test; empty: all of them.", max_length=10
                    ),
                ),
                ("parts_read", models.PositiveIntegerField(default=0, help_text="Parts of the version that are done.")),
                (
                    "parts_made",
                    models.PositiveIntegerField(
                        default=0, help_text="Parts of the file, or of what it is put together from."
                    ),
                ),
                ("rows_read", models.PositiveBigIntegerField(default=0, help_text="Examples looked at, of any split.")),
                ("rows", models.PositiveBigIntegerField(default=0, help_text="Examples in the file.")),
                (
                    "left_out",
                    models.PositiveBigIntegerField(default=0, help_text="Examples that the format has no place for."),
                ),
                ("size", models.PositiveBigIntegerField(default=0, help_text="Bytes of the file.")),
                ("stored", models.PositiveBigIntegerField(default=0, help_text="Bytes that it takes here.")),
                ("sha256", models.CharField(blank=True, help_text="Of the file.", max_length=64)),
                ("expires_at", models.DateTimeField(blank=True, help_text="Until when the file is kept.", null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="exports", to="agents.project"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="exports", to="reviews.datasetversion"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ExportPart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("raw", models.BooleanField(default=False)),
                ("number", models.PositiveIntegerField(help_text="Its place, from 0.")),
                ("start", models.PositiveBigIntegerField(help_text="Where in the file it begins, in bytes.")),
                ("size", models.PositiveIntegerField(help_text="In bytes, not compressed.")),
                ("data", models.BinaryField(help_text="Compressed with zstd.")),
                (
                    "export",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="reviews.export",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="dataset",
            index=models.Index(fields=["project", "-id"], name="reviews_dataset_newest"),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.UniqueConstraint(
                models.F("project"), django.db.models.functions.text.Lower("name"), name="reviews_dataset_name"
            ),
        ),
        migrations.AddIndex(
            model_name="datasetversion",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["leased_until"],
                name="reviews_dataset_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.UniqueConstraint(fields=("dataset", "number"), name="reviews_dataset_version"),
        ),
        migrations.AddConstraint(
            model_name="datasetversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    models.Q(("content_hash", ""), _negated=True),
                    _connector="OR",
                ),
                name="reviews_dataset_hash_when_ready",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="datasetversion",
            trigger=pgtrigger.compiler.Trigger(
                name="dataset_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"status\" = 'ready')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="dd66fcb4aab0ef7f1936e39444a332d4eec1fc43",
                    operation="UPDATE",
                    pgid="pgtrigger_dataset_frozen_a7ea4",
                    table="reviews_datasetversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetpart",
            constraint=models.UniqueConstraint(fields=("version", "number"), name="reviews_dataset_part"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="datasetpart",
            trigger=pgtrigger.compiler.Trigger(
                name="part_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="d36e274dd3d1c6fcc6f670066a71eab8314a39a6",
                    operation="UPDATE",
                    pgid="pgtrigger_part_frozen_22ddb",
                    table="reviews_datasetpart",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="datasetcandidate",
            index=models.Index(fields=["version", "transaction", "example"], name="reviews_candidate_order"),
        ),
        migrations.AddConstraint(
            model_name="datasetcandidate",
            constraint=models.UniqueConstraint(fields=("version", "key"), name="reviews_candidate_key"),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(fields=["project", "-id"], name="reviews_export_newest"),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["leased_until"],
                name="reviews_export_open",
            ),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(
                condition=models.Q(("status", "ready")), fields=["expires_at"], name="reviews_export_expiry"
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "ready"), _negated=True),
                    models.Q(("sha256", ""), _negated=True),
                    _connector="OR",
                ),
                name="reviews_export_hash_when_ready",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportpart",
            constraint=models.UniqueConstraint(fields=("export", "raw", "number"), name="reviews_export_part"),
        ),
        migrations.RunSQL(
            # The bytes are compressed already: PostgreSQL need not try again.
            "ALTER TABLE reviews_datasetpart ALTER COLUMN data SET STORAGE EXTERNAL;"
            "ALTER TABLE reviews_exportpart ALTER COLUMN data SET STORAGE EXTERNAL",
            migrations.RunSQL.noop,
        ),
    ]
