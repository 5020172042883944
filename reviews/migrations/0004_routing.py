"""Filled in by what it is named for."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0003_lifecycle"), ("agents", "0003_teams")]
    operations: ClassVar = []
