"""Frozen datasets and their exports."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0007_feedback")]
    operations: ClassVar = []
