"""`manage.py rebuild_rollups --project default --from 2026-11-01 --to 2026-11-08`."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from math import inf
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agents.models import Project
from console.lib import clock
from metrics.services import compaction, rollups


class Command(BaseCommand):
    """Computes the figures of a project anew from its spans: minutes, sums of traces, longer periods, daily spend."""

    help = "Computes minutes, sums of traces, longer periods and the daily spend of a project anew from its spans."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="address (slug) of the project")
        parser.add_argument("--from", required=True, dest="start", help="first moment, ISO 8601, UTC unless it says so")
        parser.add_argument("--to", required=True, dest="end", help="moment to stop before")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"--project: there is no project {options['project']!r}")
        start, end = _moment("--from", options["start"]), _moment("--to", options["end"])
        if start >= end:
            raise CommandError("--from must be before --to")
        done = rollups.rebuild(project_id=project.pk, start=start, end=end)
        compaction.run(now=clock.now(), projects=[project.pk], seconds=inf, pause=False)
        self.stdout.write(
            f"Rebuilt from {done.spans} spans of {done.traces} traces; "
            f"{done.turned_over} spans had been counted wrongly."
        )


def _moment(option: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option}: {text!r} is no ISO 8601 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
