"""Whom a request is put before, and until when: set on the new row, and read from it again later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agents.messages import plain
from agents.models import Project, Team, User
from agents.rosters import Roster
from agents.services.notify import News, tell
from reviews.addresses import page_of
from reviews.models import Approval
from reviews.models.approval import due_minute
from reviews.policy.plan import OnTimeout
from reviews.policy.timing import Stage, Terms, next_reminder, stage_at
from reviews.services.deciders import Without

SHOWN_SINGLY = 3
"""Somebody who has to be told of more than this many requests at once is told of them in one line."""

ONE = {
    "approval.requested": _("Approval wanted: %(action)s"),
    "approval.escalated": _("Escalated to you: %(action)s"),
    "approval.reminded": _("Still waiting: %(action)s"),
}
MANY = {
    "approval.requested": _("%(number)d approvals wanted"),
    "approval.escalated": _("%(number)d requests were escalated to you"),
    "approval.reminded": _("%(number)d requests still wait for you"),
}
"""What a line in the bell says, by its kind."""


def place(*, approval: Approval, terms: Terms, team: Team | None) -> None:
    """Sets on a row that is not saved yet whom the request is for, how long it waits and what follows."""
    first = stage_at(terms, since=approval.requested_at, moment=approval.requested_at)
    approval.routed_to = team
    approval.timeout_seconds = int(terms.deadline.total_seconds())
    approval.on_timeout = terms.on_timeout.value
    approval.at_expiry = terms.final.value
    approval.expires_at = approval.requested_at + terms.lasts
    _enter(approval, first, terms, approval.requested_at)


def enter(*, approval: Approval, stage: Stage, roster: Roster, without: Collection[int], now: datetime) -> None:
    """Sets on a row that the request has come to another stage and is for the people of that step.

    A step that names nobody who is there any more, or somebody `without` whom it has to be decided, makes it
    everybody's.
    """
    step = stage.step
    person = roster.person(step.user) if step and step.user else None
    person = roster.there(person.pk) if person else None
    person = None if person and person.pk in without else person
    approval.routed_to = roster.team(step.team) if step and step.team else None
    approval.assigned_to = person
    approval.escalation_step = stage.number
    _enter(approval, stage, terms_of(approval), now)


def _enter(approval: Approval, stage: Stage, terms: Terms, now: datetime) -> None:
    approval.next_step_at = stage.ends if stage.number < len(terms.steps) else None
    approval.due_minute = due_minute(stage.ends)
    approval.remind_at = next_reminder(stage, after=now)


def terms_of(approval: Approval) -> Terms:
    """The terms that were agreed on when the request was made."""
    on_timeout, deadline = OnTimeout(approval.on_timeout), timedelta(seconds=approval.timeout_seconds)
    if on_timeout is not OnTimeout.ESCALATE:
        return Terms(deadline, on_timeout, (), OnTimeout(approval.at_expiry))
    escalation = approval.review_plan.escalation
    return Terms(deadline, on_timeout, escalation.steps * (escalation.loops + 1), OnTimeout(approval.at_expiry))


def stage_of(approval: Approval, *, now: datetime) -> Stage:
    """The stage in which a request is by the clock, whether or not any worker has noticed."""
    return stage_at(terms_of(approval), since=approval.requested_at, moment=now)


def by_project(rows: Iterable[Approval]) -> Iterator[tuple[Project, list[Approval]]]:
    """The same requests, project by project; wants `project` at hand."""
    found: dict[int, list[Approval]] = {}
    for row in rows:
        found.setdefault(row.project_id, []).append(row)
    for group in found.values():
        yield group[0].project, group


def tell_asked(
    *, project: Project, rows: Sequence[Approval], roster: Roster, kind: str, without: Without, now: datetime
) -> None:
    """Tells everybody who is asked of the requests that are theirs; `without` those who have nothing to decide.

    `kind` is `approval.requested`, `approval.escalated` or `approval.reminded`.
    """
    tell(project=project, news=news_of(project=project, rows=rows, roster=roster, kind=kind, without=without), now=now)


def news_of(*, project: Project, rows: Sequence[Approval], roster: Roster, kind: str, without: Without) -> list[News]:
    """What everybody who is asked is told: of few requests one by one, of many in one line. As `tell_asked`."""
    people = {
        row.pk: roster.asked(person_id=row.assigned_to_id, team_id=row.routed_to_id, without=without[row.pk])
        for row in rows
    }
    of_person: dict[int, list[Approval]] = {}
    for row in rows:
        for user in people[row.pk]:
            of_person.setdefault(user.pk, []).append(row)
    many = {key for key, theirs in of_person.items() if len(theirs) > SHOWN_SINGLY}
    news: list[News] = []
    for row in rows:
        singly = [user for user in people[row.pk] if user.pk not in many]
        if singly:
            news.append(_one(singly, row, project, kind))
    everybody = {user.pk: user for users in people.values() for user in users}
    return news + [_many(everybody[key], project, of_person[key], kind) for key in sorted(many)]


def _one(users: Sequence[User], row: Approval, project: Project, kind: str) -> News:
    return News(
        users=users,
        kind=kind,
        title=str(ONE[kind]) % {"action": plain(row.action)},
        body=plain(row.summary or row.risk["explanation"]),
        url=page_of(project.slug, row.pk),
    )


def _many(user: User, project: Project, rows: Sequence[Approval], kind: str) -> News:
    actions = sorted({row.action for row in rows})
    return News(
        users=[user],
        kind=kind,
        title=str(MANY[kind]) % {"number": len(rows)},
        body=plain(", ".join(actions[:5])),
        url=reverse("reviews:queue", args=[project.slug]),
    )
