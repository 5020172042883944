"""How agents did, version by version."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0012_annotation")]
    operations: ClassVar = []
