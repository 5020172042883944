from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0014_evaluations")]

    operations = []
