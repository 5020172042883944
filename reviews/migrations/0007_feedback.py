"""What an example carries beyond its decision."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0006_precedents")]
    operations: ClassVar = []
