"""`manage.py import_traces PATH... --project default [--annotations DIR]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.models import Project
from console.lib import clock
from metrics.services import imports

HELP = """Imports traces from files: OpenInference spans as nested JSON (child_spans), traces as /api/v1/traces/{id} \
writes them, and OTLP/JSON; .jsonl files hold one document a line. Importing again changes nothing. Traces older than \
the project keeps are refused: leave its retention empty to import traces of any age. So are scores of traces that the \
project does not have. The exit status is 1 when anything was refused or wrong; the rest is stored."""


class Command(BaseCommand):
    """Imports traces, and the labels that people gave them, into a project."""

    help = HELP

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", metavar="PATH", type=Path, help="file, or folder with .json files")
        parser.add_argument("--project", required=True, help="address (slug) of the project")
        parser.add_argument("--annotations", type=Path, help="folder or file with labels of people, kept as scores")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.open().filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"--project: there is no project {options['project']!r}")
        done, now = imports.Done(), clock.now()
        for path in options["paths"]:
            for file in imports.files_in(path):
                imports.import_traces(project=project, file=file, done=done, now=now)
        if options["annotations"] is not None:
            for file in imports.files_in(options["annotations"]):
                imports.import_annotations(project=project, file=file, done=done, now=now)
        self._tell(project, done)

    def _tell(self, project: Project, done: imports.Done) -> None:
        self.stdout.write(
            f"Read {done.files} files: {done.spans} spans of {len(done.traces)} traces ({done.new_spans} new), "
            f"{done.logs} log records ({done.new_logs} new), {done.scores} scores ({done.new_scores} new)."
        )
        for line in done.refused:
            self.stderr.write(f"Refused: {line}")
        problems = list(done.errors)
        if done.refused:
            rows, given = done.refused_rows, done.refused_scores
            problems.append(f"{rows} spans and log records and {given} scores were refused and are not stored.")
        if done.too_old:
            problems.append(
                f"{done.too_old} of them are older than the {project.retention_days} days that the project "
                f"{project.slug!r} keeps: leave its retention empty to import traces of any age."
            )
        if problems:
            raise CommandError("\n".join(problems))
