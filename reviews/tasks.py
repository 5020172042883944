"""What must happen although nobody asks, and what takes longer than anybody waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from uuid import UUID

from celery import shared_task

from agents.models import Project
from console.lib import clock
from console.lib.queue import enqueue
from metrics.services import evaluations as written_evaluations
from metrics.services import reported_outcomes
from reviews.models import DatasetVersion, Export
from reviews.selectors.feedback import names_reviewers
from reviews.serializers.feedback import line_of
from reviews.services import (
    backtests,
    escalation,
    evaluations,
    expiry,
    exports,
    feedback_scores,
    flow,
    freezes,
    outcomes,
    patterns,
    reminders,
    retention,
    settling,
    signing_keys,
    work,
)


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


TURN_SECONDS = 5.0
"""Long work gives its thread back so often: what has to happen in time runs in the same worker."""


@shared_task
def freeze_dataset(version_id: int) -> None:
    """Goes on with a version of a dataset for a while."""
    version = DatasetVersion.objects.select_related("dataset__project").get(pk=version_id)
    line = partial(line_of, names=names_reviewers(version.dataset.project))
    if freezes.advance(version_id=version_id, line=line, clock=clock.now, seconds=TURN_SECONDS):
        enqueue("reviews.tasks.freeze_dataset", version_id=version_id)


@shared_task
def make_export(export_id: str) -> None:
    """Goes on with an export for a while."""
    if exports.advance(export_id=export_id, clock=clock.now, seconds=TURN_SECONDS):
        enqueue("reviews.tasks.make_export", export_id=export_id)


@shared_task
def resume_work() -> int:
    """Sees to it that somebody is at all long work, whatever became of those who were; returns how much had nobody."""
    now = clock.now()
    versions = list(work.free(DatasetVersion.objects.all(), now=now).values_list("pk", flat=True))
    waiting = list(work.free(Export.objects.all(), now=now).values_list("pk", flat=True))
    for version_id in versions:
        enqueue("reviews.tasks.freeze_dataset", version_id=version_id)
    for export_id in waiting:
        enqueue("reviews.tasks.make_export", export_id=str(export_id))
    return len(versions) + len(waiting)


@shared_task
def expire_exports() -> int:
    """Forgets files that were kept long enough, and what versions that failed have left; returns how many files."""
    freezes.clear_failed()
    retention.clear_forgotten()
    return exports.expire_due(now=clock.now())


@shared_task
def forget_backtests() -> int:
    """Forgets back-tests that were kept long enough; returns how many."""
    return _all(retention.forget_old_backtests)


@shared_task
def find_patterns(project_id: int) -> int:
    """Looks for rules that a project's decisions suggest; returns how many are new."""
    return len(patterns.find(project=Project.objects.get(pk=project_id), now=clock.now()))


@shared_task
def find_all_patterns() -> int:
    """Queues the search for every project in which something was decided lately; returns for how many."""
    found = patterns.projects_with_decisions(now=clock.now())
    for key in found:
        enqueue(patterns.TASK, project_id=key)
    return len(found)


@shared_task
def evaluate_agents() -> int:
    """Queues the evaluation of every agent of which yesterday's is not written down, and forgets old ones; returns of
    how many."""
    day, found = evaluations.due(now=clock.now())
    for project_id, agent in found:
        enqueue(evaluations.TASK, project_id=project_id, agent=agent, day=day.isoformat())
    _all(written_evaluations.forget)
    return len(found)


@shared_task
def evaluate_agent(project_id: int, agent: str, day: str) -> bool:
    """Writes down how an agent did by the end of a day; whether anybody knows it."""
    project = Project.objects.get(pk=project_id)
    return evaluations.write_day(project=project, agent=agent, day=date.fromisoformat(day), now=clock.now())


@shared_task
def take_outcomes() -> int:
    """Records the outcomes that spans have reported, and forgets reports long taken; returns how many there were."""
    taken = _all(outcomes.take_reported)
    _all(reported_outcomes.forget)
    return taken


@shared_task
def take_scores() -> int:
    """Revises the examples whose traces people have scored; returns how many changes of scores there were."""
    return _all(feedback_scores.take_told)
