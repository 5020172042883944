"""Whom an event of the outbox is for, until when what it says is true, and deliveries dropped because it is not."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("agents", "0005_outbox_exact"),
    ]

    operations: ClassVar = [
        migrations.RemoveConstraint(
            model_name="delivery",
            name="delivery_status_known",
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="person",
            field=models.ForeignKey(
                db_index=False,
                help_text="Whom what `path` shows is for; if nobody, `team`.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="rung",
            field=models.BooleanField(default=False, help_text="Those whom it is for have it in their bells already."),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="until",
            field=models.DateTimeField(help_text="What it says is true no longer than that.", null=True),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="without",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(),
                default=list,
                help_text="The ids of people who need not act on it.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("delivered", "Delivered"),
                    ("failed", "Failed"),
                    ("dropped", "Dropped"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(fields=["path", "-id"], name="outbox_by_path"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "delivered", "failed", "dropped"])),
                name="delivery_status_known",
            ),
        ),
    ]
