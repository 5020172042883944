"""The Celery app: settings come from Django, tasks are found by name in each app's `tasks` module."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import Celery, beat
from celery.signals import setup_logging, worker_init, worker_ready

from console.lib import broker, serving

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")

NICE = 10

app = Celery("handrail")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["agents", "metrics", "reviews"])
app.steps["consumer"].add(broker.Listening)


class Scheduler(beat.Scheduler):
    """Beat's own, for a schedule that stays as it was at the start, and that nothing is done for between two tasks."""

    def schedules_equal(self, old_schedules: Any, new_schedules: Any) -> bool:
        """Whether nothing was added or changed since the last look."""
        return old_schedules is not None

    def adjust(self, n: int, drift: float = 0.0) -> float:
        """In how many seconds to look again. Celery looks 10 ms early, and without a pause until the task is due."""
        return n + drift


@setup_logging.connect
def _keep_our_logging(**_kwargs: Any) -> None:
    """Celery would install its own handlers; Django's LOGGING already writes JSON lines."""


@worker_init.connect
def _let_others_go_first(**_kwargs: Any) -> None:
    """What may be late waits when the machine is busy: requests of agents and people come before."""
    os.nice(NICE)
    # Linux weighs whole sessions against each other first (sched(7), autogroup), and the worker has one of its own.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


@worker_ready.connect
def _settle(**_kwargs: Any) -> None:
    """The worker reads all telemetry once more, for the text index."""
    serving.collect_rarely()
