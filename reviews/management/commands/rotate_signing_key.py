"""`manage.py rotate_signing_key`: a new key for receipts, ahead of time."""

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from console.lib import clock
from reviews.services import signing_keys


class Command(BaseCommand):
    help = "Retires the key that signs receipts; what it has signed stays good, unless it is revoked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--revoke", metavar="KID", help="A key that leaked: no receipt of it counts any more.")

    def handle(self, *args: object, revoke: str | None, **options: object) -> None:
        now = clock.now()
        if revoke is None:
            self.stdout.write(f"Receipts are signed with {signing_keys.rotate(now=now).kid} from now on.")
        elif not signing_keys.revoke(kid=revoke, now=now):
            raise CommandError(f"There is no key {revoke}, or it is revoked already.")
        else:
            self.stdout.write(f"{revoke} is revoked: receipts that it has signed are refused.")
