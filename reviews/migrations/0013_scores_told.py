"""Human scores on examples: what is noted of each change of one, for whoever adds the revision."""

from typing import ClassVar

from django.db import migrations, models

# Notes are written by the database itself, in the transaction of the score: whatever changes or removes one, in
# whichever way, is noted or does not happen.
NOTE = """
CREATE FUNCTION reviews_note_score() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO reviews_scorenote (project_id, trace_id, noted_at)
        SELECT OLD.project_id, OLD.trace_id, now() WHERE OLD.source = 'human' AND OLD.trace_id IS NOT NULL;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND (OLD.source, OLD.trace_id) IS DISTINCT FROM (NEW.source, NEW.trace_id))
    THEN
        INSERT INTO reviews_scorenote (project_id, trace_id, noted_at)
        SELECT NEW.project_id, NEW.trace_id, now() WHERE NEW.source = 'human' AND NEW.trace_id IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER reviews_note_new_score AFTER INSERT ON metrics_score
    FOR EACH ROW WHEN (NEW.source = 'human') EXECUTE FUNCTION reviews_note_score();
CREATE TRIGGER reviews_note_changed_score AFTER UPDATE ON metrics_score
    FOR EACH ROW WHEN (OLD.source = 'human' OR NEW.source = 'human') EXECUTE FUNCTION reviews_note_score();
CREATE TRIGGER reviews_note_removed_score AFTER DELETE ON metrics_score
    FOR EACH ROW WHEN (OLD.source = 'human') EXECUTE FUNCTION reviews_note_score();
"""
FORGET = """
DROP TRIGGER reviews_note_new_score ON metrics_score;
DROP TRIGGER reviews_note_changed_score ON metrics_score;
DROP TRIGGER reviews_note_removed_score ON metrics_score;
DROP FUNCTION reviews_note_score();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("metrics", "0012_score_configs"), ("reviews", "0012_held")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="feedbackexample",
            name="scores",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="What people gave the trace and its spans, as known when the revision was written.",
            ),
        ),
        migrations.AlterField(
            model_name="feedbackexample",
            name="cause",
            field=models.CharField(
                choices=[
                    ("decision", "Decision"),
                    ("outcome", "Outcome"),
                    ("correction", "Correction"),
                    ("score", "Score"),
                ],
                db_default="decision",
                help_text="Of the revision.",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="ScoreNote",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField()),
                ("trace_id", models.BinaryField(max_length=16)),
                ("noted_at", models.DateTimeField()),
            ],
        ),
        migrations.RunSQL(NOTE, FORGET),
    ]
