"""Hands work to Celery by task name, so that services never import tasks."""

import functools
import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: str, *, after_seconds: float = 0.0, **ids: object) -> None:
    """Sends `task` (its dotted name) with keyword arguments once the current transaction has committed.

    With `after_seconds` a worker takes it up so much later. For work that may be lost: while the broker is away the
    task is dropped and logged. What must not be lost has a row that a periodic task finds.
    """
    transaction.on_commit(functools.partial(_send, task, ids, after_seconds))


def _send(task: str, ids: dict[str, object], after_seconds: float) -> None:
    try:
        current_app.send_task(task, kwargs=ids, retry=False, countdown=after_seconds or None)
    except (OperationalError, OSError):
        logger.warning("task_not_queued", extra={"task": task})
