"""The help text of the scores that say whether a trace was right: they need not be from 0 to 1. Changes no table."""

import django.contrib.postgres.fields
from django.db import migrations, models

import metrics.models.evaluation


class Migration(migrations.Migration):
    dependencies = [("metrics", "0016_budgets")]

    operations = [
        migrations.AlterField(
            model_name="evaluationstandard",
            name="score_names",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=120),
                default=metrics.models.evaluation.default_score_names,
                help_text="Scores of these names, from 0 to 1 or in the range of their config, say whether a trace was"
                " right.",
                size=None,
            ),
        )
    ]
