"""What an empty installation is given, so that somebody can sign in and an agent can send."""

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction

from agents.models import User
from agents.permissions import Scope
from agents.services import keys, projects

ADMIN_EMAIL = "admin@handrail.local"
PASSWORD_CHARS = 20
# Without the characters that look alike: people type this from a terminal.
ALPHABET = "".join(set(string.ascii_letters + string.digits) - set("0O1lI"))


@dataclass(frozen=True)
class Credentials:
    """What the first person and the first agent sign in with; shown once."""

    email: str
    password: str
    project: str
    api_key: str


@transaction.atomic
def create(*, keep: Callable[[Credentials], None], now: datetime) -> Credentials | None:
    """Makes the first admin, the project `default` and a key, unless there is anybody already (then None).

    `keep` is called before the commit: a crash leaves either nobody, or somebody whose password was kept.
    The key is the admin's: they have seen its secret. They decide on its requests unless a rule bars a key's owner.
    """
    if User.objects.exists():
        return None
    password = "".join(secrets.choice(sorted(ALPHABET)) for _ in range(PASSWORD_CHARS))
    admin = User.objects.create_superuser(ADMIN_EMAIL, password, name="Admin", time_zone="")
    EmailAddress.objects.create(user=admin, email=ADMIN_EMAIL, verified=True, primary=True)
    project = projects.create(name="Default", slug="default", by=admin, now=now)
    issued = keys.create(
        project=project,
        name="first run",
        scopes=[scope for scope in Scope if scope is not Scope.ADMIN],
        expires_at=None,
        allowed_networks=[],
        by=admin,
        now=now,
    )
    credentials = Credentials(ADMIN_EMAIL, password, project.slug, issued.secret)
    keep(credentials)
    return credentials
