from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0011_reported_outcomes")]

    operations = []
