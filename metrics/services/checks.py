"""Which patterns a project checks its text with: the checker that everybody uses, and what people change."""

import time
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project, User
from agents.services import audit
from metrics.checks.catalogue import BY_ID
from metrics.checks.engine import Checked, Checker
from metrics.checks.flag import Field
from metrics.models import CheckPolicy
from metrics.selectors import flags as selector

# So long at most does a process go on checking as before a change.
LIFE_SECONDS = 5.0
MOST_KNOWN = 10_000

_known: dict[int, tuple[float, frozenset[str]]] = {}


def checker(project_id: int) -> Checker:
    """A checker with the project's patterns, for one batch."""
    return Checker(off_of(project_id))


def off_of(project_id: int) -> frozenset[str]:
    """The ids of the patterns that a project does without, as of at most LIFE_SECONDS ago."""
    known = _known.get(project_id)
    if known is None or time.monotonic() >= known[0]:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        known = _known[project_id] = (time.monotonic() + LIFE_SECONDS, selector.off(project_id))
    return known[1]


def try_text(project: Project, *, text: str, place: str, given: str) -> Checked:
    """What the project's patterns find in one text, under the path `text`; nothing is stored.

    Without `given` nothing is said of figures that were not given.
    """
    return checker(project.pk).check([Field("text", place, text)], given=(lambda: given) if given else None)


@transaction.atomic
def switch(*, project: Project, pattern: str, on: bool, by: Caller | User, now: datetime) -> bool:
    """Turns a pattern on or off for what arrives from now on; whether that changed anything.

    What was flagged before keeps its flags. Raises ValidationError for `pattern` when there is no such pattern.
    """
    if pattern not in BY_ID:
        raise ValidationError({"pattern": _("There is no pattern “%s”.") % pattern})
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # there may be no policy to lock
    row = CheckPolicy.objects.filter(project=project).first() or CheckPolicy(project=project)
    off = set(row.off) - {pattern} if on else {*row.off, pattern}
    if off == set(row.off):
        return False
    row.off, row.changed_at = sorted(off), now
    row.changed_by = by if isinstance(by, User) else by.user
    row.save()
    audit.record(project=project, by=by, action="check.switch", target=f"pattern {pattern}", detail={"on": on}, now=now)
    transaction.on_commit(lambda: _known.pop(project.pk, None))
    return True
