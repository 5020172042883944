"""Second opinions and items with known answers."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("reviews", "0008_datasets")]
    operations: ClassVar = []
