"""Celery tasks of telemetry: what runs by the clock and not in anybody's request."""

from celery import shared_task

from console.lib import clock
from console.lib.pace import Pace
from metrics.services import annotation_rules, budget_news, compaction, partitions, retention, search_index, sessions

# Where late spans come in without end, all of their periods are computed anew each time.
_compacting = Pace(share=0.05, longest=30.0)


@shared_task
def make_partitions() -> None:
    """Makes the partitions of today and the next days."""
    partitions.ensure_around(clock.now())


@shared_task
def drop_expired() -> None:
    """Forgets telemetry that has outlived its project's retention."""
    retention.drop_expired(now=clock.now())
    search_index.drop_expired(now=clock.now())


@shared_task
def index_text() -> None:
    """Reads what has arrived into the text index."""
    search_index.run(now=clock.now())


@shared_task
def refresh_sessions() -> None:
    """Makes the summaries of sessions that changed anew."""
    sessions.refresh(now=clock.now())


@shared_task
def compact() -> None:
    """Computes longer periods and the spend of days out of what has come in."""
    _compacting.run(lambda: compaction.run(now=clock.now()))


@shared_task
def watch_budgets() -> None:
    """Tells of budgets that are nearly or wholly spent."""
    budget_news.tell_due(now=clock.now())


@shared_task
def fill_annotation_queues() -> None:
    """Puts into annotation queues what their rules pick."""
    annotation_rules.fill(now=clock.now())
