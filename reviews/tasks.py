"""What must happen although nobody asks, and what takes longer than anybody waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from celery import shared_task

from console.lib import clock
from console.lib.queue import enqueue
from reviews.services import backtests, escalation, expiry, flow, reminders, settling, signing_keys


def _all(step: Callable[..., int]) -> int:
    """Takes a service's step, which is one transaction each, until nothing is due; returns how many were."""
    done = 0
    while batch := step(now=clock.now()):
        done += batch
    return done


@shared_task
def expire_due() -> int:
    """Ends every request that is overdue; returns how many. Any number of workers may do so at once."""
    return _all(expiry.expire_due)


@shared_task
def settle_due() -> int:
    """Closes every decided request whose time to withdraw is over; returns how many. As `expire_due`."""
    return _all(settling.settle_due)


@shared_task
def advance_due() -> int:
    """Brings every request whose escalation step is over to the next; returns how many. As `expire_due`."""
    return _all(escalation.advance_due)


@shared_task
def send_reminders() -> int:
    """Reminds those who are asked of what still waits; returns of how many requests. As `expire_due`."""
    return _all(reminders.send_due)


@shared_task
def rotate_signing_keys() -> bool:
    """Gives receipts a new signing key when the present one is old enough; whether it was."""
    return signing_keys.rotate_if_due(now=clock.now())


@shared_task
def count_flow() -> int:
    """Counts what came and went since the last time, and keeps what was decided as precedents; returns how many."""
    counted = 0
    while batch := flow.count():
        counted += batch
    return counted


TURN = timedelta(seconds=30)
"""So long a back-test holds a worker before others have their turn."""


@shared_task
def run_backtest(backtest_id: str) -> None:
    """Works on a back-test, and queues itself again while there is more to do."""
    if backtests.run(backtest_id=UUID(backtest_id), clock=clock.now, until=clock.now() + TURN):
        enqueue(backtests.TASK, backtest_id=backtest_id)


@shared_task
def resume_backtests() -> int:
    """Queues the back-tests on which nobody works although they are not finished; returns how many."""
    found = backtests.stalled(now=clock.now())
    for key in found:
        enqueue(backtests.TASK, backtest_id=str(key))
    return len(found)
