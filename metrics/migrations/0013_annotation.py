from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0012_score_configs")]

    operations = []
