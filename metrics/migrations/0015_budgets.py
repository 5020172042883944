"""What may be spent."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0014_flags")]
    operations: ClassVar = []
