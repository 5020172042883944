"""Hands work to Celery by task name, so that services never import tasks."""

import functools
import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: str, **ids: object) -> None:
    """Sends `task` (its dotted name) with keyword arguments once the current transaction has committed.

    A broker that is away loses nothing: whatever a task does is also found by the periodic sweep of its kind.
    """
    transaction.on_commit(functools.partial(_send, task, ids))


def _send(task: str, ids: dict[str, object]) -> None:
    try:
        current_app.send_task(task, kwargs=ids, retry=False)
    except (OperationalError, OSError):
        logger.warning("task_not_queued", extra={"task": task})
