from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_saved_views")]

    operations = []
