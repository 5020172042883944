"""What checks found in requests."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0010_backtests")]
    operations: ClassVar = []
