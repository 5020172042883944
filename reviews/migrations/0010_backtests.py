"""Policies tried on the past."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0009_quality")]
    operations: ClassVar = []
