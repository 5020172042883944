"""Long work in bounded steps: who is at it holds a lease, and whoever comes after a crash goes on behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

from django.db.models import F, Q, QuerySet

from reviews.models import LongWork, WorkStatus

Work = TypeVar("Work", bound=LongWork)
Clock = Callable[[], datetime]

LEASE = timedelta(seconds=60)
ATTEMPTS_MAX = 5
GAVE_UP = "It failed several times at the same place. The worker's log says why."

_log = logging.getLogger(__name__)

TRANSITIONS: dict[WorkStatus, frozenset[WorkStatus]] = {
    WorkStatus.QUEUED: frozenset({WorkStatus.RUNNING}),
    WorkStatus.RUNNING: frozenset({WorkStatus.RUNNING, WorkStatus.READY, WorkStatus.FAILED}),
    WorkStatus.READY: frozenset({WorkStatus.EXPIRED}),
    WorkStatus.FAILED: frozenset(),
    WorkStatus.EXPIRED: frozenset(),
}


class Lost(Exception):
    """Another worker has taken over, or the work is over: what was just done must not be stored."""


class Impossible(Exception):
    """The work cannot be done, whoever tries; the message is for people."""


def _from(status: WorkStatus) -> list[WorkStatus]:
    return [before for before, after in TRANSITIONS.items() if status in after]


def free(rows: QuerySet[Work], *, now: datetime) -> QuerySet[Work]:
    """Those of the rows that want a worker and have none."""
    rows = rows.filter(status__in=_from(WorkStatus.RUNNING))
    return rows.filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now))


def take(rows: QuerySet[Work], *, now: datetime) -> Work | None:
    """The one work of `rows` with a lease for the caller; None when somebody else is at it, or it is over."""
    lease = uuid4()
    taken = free(rows, now=now).update(
        status=WorkStatus.RUNNING, lease=lease, leased_until=now + LEASE, attempts=F("attempts") + 1
    )
    return rows.get(lease=lease) if taken else None


def turn(work: LongWork, step: Callable[[], bool], *, clock: Clock, seconds: float) -> bool:
    """Takes steps for so long while a step says that there is more; whether there still is.

    `work` has the caller's lease. An error leaves the lease to run out, so that it is tried again after a while; where
    that has happened ATTEMPTS_MAX times at the same place, the work has failed.
    """
    until = monotonic() + seconds
    try:
        while step():
            if monotonic() >= until:
                let_go(work)
                return True
    except Lost:
        return False
    except Impossible as error:
        fail(work, reason=str(error), now=clock())
    except Exception:
        if work.attempts < ATTEMPTS_MAX:
            raise
        _log.exception("work_given_up", extra={"work": f"{work._meta.label} {work.pk}"})
        fail(work, reason=GAVE_UP, now=clock())
    return False


def keep(work: LongWork, *, now: datetime, **changes: Any) -> None:
    """Stores the next step and renews the lease. Raises Lost; belongs in a transaction with what the step made."""
    _stored(work, {"leased_until": now + LEASE, "attempts": 0, **changes})


def renew(work: LongWork, *, now: datetime) -> None:
    """Keeps the lease in the middle of a step; as `keep`."""
    _stored(work, {"leased_until": now + LEASE})


def note(work: LongWork, **changes: Any) -> None:
    """Stores part of a step, as `keep`; the lease stays as it is."""
    _stored(work, changes)


def let_go(work: LongWork) -> None:
    """Ends the caller's turn; the work goes on with the next one."""
    _stored(work, {"lease": None, "leased_until": None})


def finish(work: LongWork, *, now: datetime, **changes: Any) -> None:
    """It is done; as `keep`."""
    _stored(work, {"status": WorkStatus.READY, "lease": None, "leased_until": None, "finished_at": now, **changes})


def fail(work: LongWork, *, reason: str, now: datetime) -> None:
    """It cannot be done, and the page says why; as `keep`."""
    ended = {"status": WorkStatus.FAILED, "lease": None, "leased_until": None, "finished_at": now}
    _stored(work, {**ended, "error": reason[:300]})


def _stored(work: LongWork, changes: dict[str, Any]) -> None:
    if not type(work)._default_manager.filter(pk=work.pk, lease=work.lease).update(**changes):
        raise Lost
    for name, value in changes.items():
        setattr(work, name, value)
