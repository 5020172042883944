"""Rules that past decisions suggest: looked for, tried on the past, and offered. A lead takes one into the draft."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from agents.authentication import Caller
from agents.models import Project
from agents.services import audit
from reviews.models import Approval, Backtest, Pattern
from reviews.policy.backtest import BAD_OUTCOMES, Past
from reviews.policy.patterns import Example, Found, condition_of, search, values_of
from reviews.policy.reading import RULES_MAX
from reviews.policy.schema import Effect, Policy, Rule, dump
from reviews.selectors import past as reading
from reviews.services import backtests, policies

TASK = "reviews.tasks.find_patterns"
PERIOD = timedelta(days=90)
DECISIONS_MAX = 20_000
"""So many of the latest decisions are looked at."""

EXCEPTIONS_MAX = 20
"""So many are kept with a suggestion; all are counted, and the back-test lists those that matter."""

EFFECTS = {"approve": Effect.AUTO_APPROVE, "reject": Effect.AUTO_REJECT}


class Full(Exception):
    """The draft has as many rules as a policy can have."""


def find(*, project: Project, now: datetime) -> list[Pattern]:
    """Looks for new rules and begins to try each on the past; it is offered when that is done.

    An action and verdict for which there was a suggestion within PERIOD gets no other, however that was answered.
    """
    since = _begin(project, now)
    answered = set(Pattern.objects.filter(project=project, found_at__gt=now - PERIOD).values_list("action", "verdict"))
    made = []
    for found in search(list(_examples(project, since, now))):
        if (found.action, found.verdict) in answered:
            continue
        try:
            pattern = _offered(project, found, since, now)
        except backtests.TooMany:
            break  # The others are found again the next time.
        made += [pattern] if pattern else []
    return made


def projects_with_decisions(*, now: datetime) -> list[int]:
    """Projects in which somebody has decided something within a day."""
    rows = Project.objects.filter(archived_at__isnull=True)
    return [project.pk for project in rows if _decided(project, now - timedelta(days=1)).exists()]


@transaction.atomic
def take(*, pattern: Pattern, by: Caller, now: datetime) -> bool:
    """Puts a suggestion into the draft; False when it was answered already. Raises policies.Outdated and Full."""
    if not _answered(pattern, Pattern.Status.DRAFTED, by, now):
        return False
    draft = policies.draft_of(project=pattern.project)

    def change(policy: Policy) -> Policy:
        if len(policy.rules) >= RULES_MAX:
            raise Full
        return policy.with_new(_rule(pattern.action, pattern.verdict, pattern.condition, policy))

    policies.change_draft(project=pattern.project, by=by, edition=draft.edition if draft else 0, change=change, now=now)
    return True


@transaction.atomic
def dismiss(*, pattern: Pattern, by: Caller, now: datetime) -> bool:
    """Puts a suggestion away for good; False when it was answered already."""
    return _answered(pattern, Pattern.Status.DISMISSED, by, now)


def _answered(pattern: Pattern, status: Pattern.Status, by: Caller, now: datetime) -> bool:
    mine = Pattern.objects.filter(pk=pattern.pk, status=Pattern.Status.PROPOSED)
    if not mine.update(status=status, answered_by=by.user, answered_at=now):
        return False
    detail = {"verdict": pattern.verdict, "condition": pattern.condition}
    audit.record(
        project=pattern.project, by=by, action=f"policy.pattern_{status}", target=pattern.action, detail=detail, now=now
    )
    return True


def _decided(project: Project, since: datetime) -> Any:
    return Approval.objects.of_project(project).decided().filter(closed_at__gt=since, decided_by__isnull=False)


def _begin(project: Project, now: datetime) -> datetime:
    """Where to begin: PERIOD ago, or later where there are more decisions than are looked at."""
    rows = Approval.objects.of_project(project).filter(requested_at__gt=now - PERIOD, decided_by__isnull=False)
    earliest = rows.newest_first().values_list("requested_at", flat=True)[DECISIONS_MAX : DECISIONS_MAX + 1]
    return next(iter(earliest), now - PERIOD)


def _examples(project: Project, since: datetime, until: datetime) -> Iterator[Example]:
    """What people decided of single actions, oldest first. A batch is decided as a whole and teaches nothing here."""
    position = since
    while pasts := reading.chunk(project, after=position, until=until):
        for past in pasts:
            if past.label and len(past.subjects) == 1:
                yield _example(past)
        position = pasts[-1].requested_at


def _example(past: Past) -> Example:
    subject = past.subjects[0]
    decided = past.outcome if past.outcome in BAD_OUTCOMES else past.label
    return Example(past.key, past.action, decided, values_of(subject.arguments, subject.context))


def _offered(project: Project, found: Found, since: datetime, now: datetime) -> Pattern | None:
    """The suggestion with its back-test; None for a rule that cannot be written or was suggested before."""
    condition = condition_of(found.action, found.clauses)
    key = hashlib.sha256(f"{found.verdict} {condition}".encode()).hexdigest()
    if len(condition) > 1_000 or Pattern.objects.filter(project=project, key=key).exists():
        return None
    version = policies.in_force(project=project)
    policy = policies.policy_of(version)
    tried = policy.with_new(_rule(found.action, found.verdict, condition, policy))
    trial = backtests.Trial(subject=Backtest.Subject.PATTERN, number=version.number, document=dump(tried))
    with transaction.atomic():
        run = backtests.start(project=project, by=None, trial=trial, since=since, until=now, now=now)
        return Pattern.objects.create(
            project=project,
            action=found.action,
            verdict=found.verdict,
            clauses=[asdict(clause) for clause in found.clauses],
            condition=condition,
            key=key,
            matched=found.matched,
            agreeing=found.agreeing,
            later_matched=found.later_matched,
            later_agreeing=found.later_agreeing,
            exceptions=list(found.exceptions[:EXCEPTIONS_MAX]),
            since=since,
            until=now,
            found_at=now,
            backtest=run,
        )


def _rule(action: str, verdict: str, condition: str, policy: Policy) -> Rule:
    """The rule under a name that the policy does not have yet."""
    name = f"{verdict} {action[:60]} as reviewers did"
    taken = {rule.name for rule in policy.rules}
    names = (name, *(f"{name} {number}" for number in range(2, len(taken) + 3)))
    rule = Rule(next(one for one in names if one not in taken), EFFECTS[verdict], condition)
    reason = "Reviewers have rejected nearly all requests like this one."
    return replace(rule, reason=reason) if verdict == "reject" else rule
