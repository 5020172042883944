"""`manage.py renumber_feedback`: once after a restore of the database into another cluster."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from reviews.services.feedback import renumber


class Command(BaseCommand):
    help = "Makes feedback readable after the database was restored into another PostgreSQL cluster."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{renumber()} examples renumbered.")
