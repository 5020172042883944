"""Finds what a person holds without reading the queue. The index is made beside the work, however large the table."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("reviews", "0011_flags")]

    operations: ClassVar = [
        AddIndexConcurrently(
            model_name="approval",
            index=models.Index(
                F("claimed_by"),
                F("due_minute"),
                F("risk_score").desc(),
                F("id"),
                name="reviews_queue_of_holder",
                condition=Q(status__in=["info_requested", "pending"], claimed_by__isnull=False),
            ),
        ),
    ]
