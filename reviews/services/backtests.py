"""Trying a policy on the past: begun by people, worked off in steps, each of which is kept whole or not at all."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from console.lib.clock import rfc3339
from console.lib.queue import enqueue
from reviews.models import Backtest, PolicyVersion
from reviews.policy.backtest import Disagreement, Past, Tallies, disagreement, judged, load_tallies
from reviews.policy.engine import needs
from reviews.policy.facts import Subject
from reviews.policy.history import Memory, distinct, keys_of
from reviews.policy.recall import Recall
from reviews.policy.schema import Policy, load
from reviews.selectors import past as reading
from reviews.selectors.spent import costs_then
from reviews.services import policies

TASK = "reviews.tasks.run_backtest"
LEASE = timedelta(seconds=60)
"""So long nobody else takes over from a worker that is not heard of any more."""

ATTEMPTS_MAX = 5
"""A run that was begun so often at the same place is given up."""

OPEN_MAX = 3
"""So many runs of a project may be open at once."""

CASES_MAX = 20_000
"""So many disagreements of a run are kept; all are counted."""

Case = tuple[UUID, str, str, str, str, str]
KEEP_CASES = "COPY reviews_backtestcase (backtest_id, approval_id, kind, what, rule, action, agent) FROM STDIN"

BATCH = 20
INSTANT = timedelta(microseconds=1)


class TooMany(Exception):
    """The project has OPEN_MAX runs that are not finished."""


class EmptyRange(ValueError):
    """No request can have been made in the range."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is to be tried. `number` is the version that it is, or that it was begun from."""

    subject: Backtest.Subject
    number: int
    document: Mapping[str, Any]


def trial_of_draft(*, project: Project) -> Trial | None:
    """The draft as it is now; None where there is none."""
    draft = policies.draft_of(project=project)
    return Trial(subject=Backtest.Subject.DRAFT, number=draft.base, document=draft.document) if draft else None


def trial_of_version(*, project: Project, number: int) -> Trial | None:
    """A version of the policy; None where there is no such version."""
    row = PolicyVersion.objects.filter(project=project, number=number).first()
    return Trial(subject=Backtest.Subject.VERSION, number=number, document=row.document) if row else None


def start(
    *, project: Project, by: Caller | None, trial: Trial, since: datetime, until: datetime, now: datetime
) -> Backtest:
    """Begins a run over the requests made in [since, until). Raises TooMany and EmptyRange."""
    until = min(until, now)
    if since >= until:
        raise EmptyRange
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        if Backtest.objects.filter(project=project).open().count() >= OPEN_MAX:
            raise TooMany
        made = Backtest.objects.create(
            project=project,
            subject=trial.subject,
            number=trial.number,
            document=trial.document,
            digest=digest_of(trial.document),
            since=since,
            until=until,
            position=since - INSTANT,
            created_by=by.user if by else None,
            created_at=now,
        )
        if by is not None:
            detail = {"digest": made.digest, "since": rfc3339(since), "until": rfc3339(until), "number": trial.number}
            target = f"policy {trial.subject} {trial.number}"
            audit.record(
                project=project, by=by, action="policy.backtest_started", target=target, detail=detail, now=now
            )
        enqueue(TASK, backtest_id=str(made.pk))
    return made


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 of a policy's document, however its keys are ordered."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def cancel(*, backtest: Backtest, by: Caller, now: datetime) -> bool:
    """Ends a run; whoever works on it stops at the end of the present step. False when it had ended already."""
    changed = Backtest.objects.filter(pk=backtest.pk).open().update(status=Backtest.Status.CANCELLED, finished_at=now)
    if changed:
        target = f"policy {backtest.subject} {backtest.number}"
        audit.record(
            project=backtest.project, by=by, action="policy.backtest_cancelled", target=target,
            detail={"digest": backtest.digest}, now=now,
        )  # fmt: skip
    backtest.refresh_from_db()
    return bool(changed)


def stalled(*, now: datetime) -> list[UUID]:
    """Unfinished runs on which nobody works: begun while the broker was away, or the worker died."""
    rows = Backtest.objects.open().exclude(leased_until__gte=now).order_by("created_at")
    return list(rows.values_list("pk", flat=True)[:BATCH])


def run(*, backtest_id: UUID, clock: Callable[[], datetime], until: datetime) -> bool:
    """Works on a run until it is finished or the time is `until`; whether there is more to do.

    Whoever comes while another works on it has nothing to do.
    """
    runner = _claimed(backtest_id, now=clock())
    if runner is None:
        return False
    while runner.step(now=clock()):
        if clock() >= until:
            Backtest.objects.filter(pk=backtest_id, position=runner.position).update(leased_until=None)
            return True
    return False


def _claimed(backtest_id: UUID, *, now: datetime) -> Runner | None:
    """The run, if it is not finished and nobody else is at it; this worker's from here on."""
    mine = Backtest.objects.filter(pk=backtest_id).open().exclude(leased_until__gte=now)
    if mine.filter(attempts__gte=ATTEMPTS_MAX).update(status=Backtest.Status.FAILED, finished_at=now):
        return None
    if not mine.update(status=Backtest.Status.RUNNING, leased_until=now + LEASE, attempts=F("attempts") + 1):
        return None
    row = Backtest.objects.select_related("project").get(pk=backtest_id)
    if row.total is None:
        row.total = reading.count_between(row.project, row.position, row.until)
        Backtest.objects.filter(pk=row.pk).update(total=row.total)
    return Runner(row)


@contextmanager
def without_collecting() -> Iterator[None]:
    """Nothing made in here points at itself, but looking for what does took almost half of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


class Runner:
    """One worker's part of a run: what it remembers between steps can be read again by whoever goes on."""

    def __init__(self, row: Backtest, *, size: int = reading.CHUNK) -> None:
        self._row, self._project, self._size = row, row.project, size
        self._policy: Policy = load(row.document)
        self._needs = needs(self._policy)
        self._memory = Memory(lambda column, values, before: reading.earlier(row.project, column, values, before))
        self._recall = Recall()
        self._tallies: Tallies = load_tallies(row.tallies)
        self.position = row.position

    def step(self, *, now: datetime) -> bool:
        """Judges the next requests and keeps what they add; whether there may be more. Stops where another went on."""
        with without_collecting():
            pasts = reading.chunk(self._project, after=self.position, until=self._row.until, size=self._size)
            cases = self._judge(pasts)
        done = len(pasts) < self._size
        position = pasts[-1].requested_at if pasts else self.position
        ended = {"status": Backtest.Status.DONE, "finished_at": now, "leased_until": None}
        with transaction.atomic():
            mine = Backtest.objects.filter(pk=self._row.pk, position=self.position, status=Backtest.Status.RUNNING)
            if not mine.update(
                position=position,
                done=F("done") + len(pasts),
                tallies=self._tallies.dump(),
                attempts=0,
                **(ended if done else {"leased_until": now + LEASE}),
            ):
                return False
            _store(self._row.pk, cases)
        self.position = position
        return not done

    def _judge(self, pasts: Sequence[Past]) -> list[Case]:
        keys = {past.key: [_keys(subject) for subject in past.subjects] for past in pasts}
        if pasts and "history" in self._needs:
            self._memory.prepare(
                distinct(group for groups in keys.values() for group in groups), before=pasts[0].requested_at
            )
        spent = costs_then(self._project, pasts) if "cost" in self._needs else {}
        kept = self._kept()
        cases: list[Case] = []
        for past in pasts:
            found = judged(self._policy, past, partial(self._known, past, spent.get(past.key, {})), self._recall)
            wrong = disagreement(found.effect, past)
            self._tallies.add(past, found, wrong)
            if "history" in self._needs:
                self._memory.add(keys[past.key][0], past.earlier)
            if wrong is not None and kept + len(cases) < CASES_MAX:
                cases.append(_case(past, found.rule, wrong))
        return cases

    def _known(self, past: Past, cost: Mapping[str, float], subject: Subject) -> dict[str, Any]:
        facts: dict[str, Any] = {"cost": cost}
        if "history" in self._needs:
            facts["history"] = self._memory.facts(_keys(subject), now=past.requested_at)
        return facts

    def _kept(self) -> int:
        """How many disagreements there were before."""
        return sum(
            number
            for name, number in self._tallies.total.items()
            if name.startswith(("false_approval.", "false_rejection."))
        )


def _case(past: Past, rule: str, wrong: Disagreement) -> Case:
    return (past.key, wrong.kind, wrong.what, rule, past.action, past.agent)


def _store(backtest_id: UUID, cases: Sequence[Case]) -> None:
    if not cases:
        return
    with connection.cursor() as cursor, cursor.copy(KEEP_CASES) as copy:
        for case in cases:
            copy.write_row((backtest_id, *case))


def _keys(subject: Subject) -> tuple[tuple[str, str], ...]:
    return keys_of(session=subject.session_id, agent=subject.agent, action=subject.action)
