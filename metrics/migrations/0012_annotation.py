"""Queues of traces that people are to judge."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0011_score_configs")]
    operations: ClassVar = []
