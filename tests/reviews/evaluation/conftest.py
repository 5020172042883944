"""An agent's work: traces, scores, requests for approval and what came of them, at one noon."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from agents.models import Project
from console.lib import clock
from metrics.models import FlagCount
from metrics.ranges import TimeRange
from metrics.scoring import Draft
from metrics.services import scores
from reviews.models import Approval
from tests.metrics.sending import NOW, Sending
from tests.reviews.conftest import NOON, make_person

WINDOW = TimeRange(
    start=NOW.replace(second=0) - timedelta(days=7),
    end=NOW.replace(second=0) + timedelta(minutes=1),
    step=timedelta(minutes=1),
    now=NOW,
)
CreateApproval = Callable[..., Approval]


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it NOW."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture
def sending(project: Project) -> Sending:
    return Sending(project)


@pytest.fixture
def runs(sending: Sending) -> Callable[..., list[bytes]]:
    """Sends runs of an agent, of which the first `failed` fail; gives the ids of their traces."""

    def send(
        *,
        times: int = 1,
        agent: str = "helper",
        version: str = "1",
        failed: int = 0,
        error: str = "Boom",
        seconds: float = 1.0,
        ago: float = 600.0,
        metadata: dict[str, str] | None = None,
        attributes: dict[str, Any] | None = None,
        environment: str = "",
    ) -> list[bytes]:
        facts: dict[str, Any] = {"gen_ai.agent.version": version, **(attributes or {})}
        facts |= {f"langfuse.trace.metadata.{name}": value for name, value in (metadata or {}).items()}
        roots = [
            sending.agent(
                agent,
                attributes=facts,
                error=error if number < failed else "",
                seconds=seconds + number / 1_000,
                ago=ago + number,
                environment=environment,
            )
            for number in range(times)
        ]
        calls = [sending.call(root, ago=ago + number, seconds=0.5) for number, root in enumerate(roots)]
        sending.send([*roots, *calls])
        return [root.trace_id for root in roots]

    return send


@pytest.fixture
def score(project: Project) -> Callable[..., None]:
    """Gives traces a score."""

    def give(traces: list[bytes], value: float, name: str = "correctness") -> None:
        drafts = [
            Draft(trace_id=trace, name=name, value=value, external_id=f"{name}-{trace.hex()}") for trace in traces
        ]
        scores.import_labels(project_id=project.pk, drafts=drafts, author="file", now=NOW)

    return give


@pytest.fixture
def asked(request_one: CreateApproval) -> Callable[..., list[Approval]]:
    """Makes requests for approval that were decided, with what came of them."""

    def ask(
        *,
        times: int = 1,
        version: str = "1",
        agent: str = "helper",
        approved: bool = True,
        outcome: str = "",
        **rest: Any,
    ) -> list[Approval]:
        made = []
        for _ in range(times):
            one = request_one(agent=agent, agent_version=version, now=NOON - timedelta(minutes=2), **rest)
            Approval.objects.filter(pk=one.pk).update(
                status="approved" if approved else "rejected",
                verdict="approve" if approved else "reject",
                closed_at=NOON,
                outcome={"status": outcome, "detail": {}} if outcome else None,
            )
            made.append(one)
        return made

    return ask


@pytest.fixture
def checked(project: Project) -> Callable[..., None]:
    """Writes down what the checks of text have found in a version's traces."""

    def count(traces: int, injections: int, *, version: str = "1", agent: str = "helper") -> None:
        for name, number in (("", traces), ("injection", injections)):
            FlagCount.objects.create(
                project_id=project.pk,
                day=NOW.date(),
                agent=agent,
                agent_version=version,
                name=name,
                spans=number,
                traces=number,
            )

    return count


@pytest.fixture
def page_of(project: Project, at_noon: None) -> Callable[[str], Client]:
    """The browser of somebody with a role."""

    def open_for(role: str) -> Client:
        client = Client()
        person = make_person(f"{role}-person", project, role)
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return open_for
