"""Forms whose answer shows a secret.

The secret is in the answer to the POST itself and nowhere else, not even in the session: so there is no redirect,
and a reload would make a second one. Each form therefore carries a stamp that works once.
"""

import secrets

from django.http import HttpRequest

FIELD = "stamp"
SESSION_KEY = "spent_stamps"
KEPT = 20


def new_stamp() -> str:
    """A stamp for a form that is about to be shown."""
    return secrets.token_urlsafe(9)


def spend(request: HttpRequest) -> bool:
    """Whether the posted form is seen for the first time; marks it seen."""
    stamp = request.POST.get(FIELD, "")[:32]
    spent = list(request.session.get(SESSION_KEY, []))
    if not stamp or stamp in spent:
        return False
    request.session[SESSION_KEY] = [*spent, stamp][-KEPT:]
    return True
