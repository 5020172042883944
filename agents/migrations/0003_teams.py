"""Filled in by what it is named for."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0002_retention")]
    operations: ClassVar = []
