"""What checks found in spans."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0013_evaluations")]
    operations: ClassVar = []
