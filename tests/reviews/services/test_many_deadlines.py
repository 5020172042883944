"""Many deadlines at once, workers in processes of their own, and one of them killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from reviews.models import Approval, ApprovalEvent, FeedbackExample, FlowEntry
from reviews.services.requests import Asked, create_requests
from tests.reviews.conftest import NOON, draft

MANY = 900
PATIENCE_SECONDS = 120

# Does a batch for each line that it reads, and says how many it did; with `hold` it stops short of the commit.
WORKER = """
import sys, django
django.setup()
from django.db import transaction
from console.lib import clock
from reviews.services import expiry
print("ready", flush=True)
while sys.stdin.readline():
    with transaction.atomic():
        done = expiry.expire_due(now=clock.now(), limit=200)
        if sys.argv[1:] == ["hold"]:
            print("held", flush=True)
            sys.stdin.readline()
    print(done, flush=True)
"""


class Worker:
    """A process that ends overdue requests, one batch each time it is asked to."""

    def __init__(self, *arguments: str) -> None:
        name = str(connection.settings_dict["NAME"])
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "console.settings",
            "DATABASE_URL": make_conninfo(django_settings.DATABASE_URL, dbname=name),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, *arguments],
            cwd=django_settings.BASE_DIR,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.read() == "ready"

    def ask(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def workers(transactional_db: None) -> Iterator[list[Worker]]:
    started = [Worker("hold"), Worker()]
    yield started
    for worker in started:
        worker.kill()


def overdue(project: Project, agent: Caller, number: int) -> None:
    """So many requests whose deadline is long past."""
    for first in range(0, number, 500):
        asked = [
            Asked(project=project, by=agent, draft=draft(timeout=timedelta(minutes=5)))
            for _place in range(min(500, number - first))
        ]
        create_requests(asked=asked, now=NOON)


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_held_is_ended_once_by_the_other(
    workers: list[Worker], project: Project, agent: Caller
) -> None:
    overdue(project, agent, MANY)
    doomed, other = workers
    doomed.ask()
    assert doomed.read() == "held"  # It has done 200 and not committed.
    other.ask()
    done = [int(other.read())]
    doomed.kill()
    while done[-1]:
        other.ask()
        done.append(int(other.read()))
    assert sum(done) == MANY
    assert Approval.objects.filter(status="expired").count() == MANY
    once = [
        ApprovalEvent.objects.filter(kind="expired"),
        FeedbackExample.objects.filter(verdict="expired"),
        AuditEvent.objects.filter(action="approval.expired"),
        FlowEntry.objects.filter(kind="closing"),
    ]
    assert [rows.count() for rows in once] == [MANY] * len(once)
