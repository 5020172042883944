"""What webhooks are told to the letter."""

from typing import ClassVar

from django.db import migrations

import agents.models.verbatim


class Migration(migrations.Migration):
    dependencies: ClassVar = [("agents", "0004_channels")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="outboxevent",
            name="exact",
            field=agents.models.verbatim.VerbatimJSONField(
                help_text="Further members of `data`, to the letter: arguments whose hash a receipt has.", null=True
            ),
        ),
    ]
