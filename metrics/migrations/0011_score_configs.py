"""What scores of a name may say."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0010_compaction")]
    operations: ClassVar = []
