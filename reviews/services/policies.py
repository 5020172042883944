"""Versions of a project's policy: which one is in force, and how the next one comes about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from agents.authentication import Caller
from agents.models import Project, Team
from agents.rosters import recent_roster_of
from agents.services import audit
from console.lib.remembered import Remembered
from reviews.models import PolicyDraft, PolicyVersion
from reviews.policy.changes import PolicyChange, differences
from reviews.policy.reading import InvalidPolicy
from reviews.policy.schema import Effect, Policy, Rule, dump, load
from reviews.policy.templates import DEFAULT_POLICY

KEPT = 256
"""So many policies each process keeps loaded."""

NOTE_CHARS = 200
NOTED = 50
"""So many differences of one change to a draft are written into the audit log; a rule moved or edited makes a few."""

NOTED_CHARS = 1_000


class Outdated(Exception):
    """Somebody else has changed the draft, or published a version, in the meantime."""


def in_force(*, project: Project) -> PolicyVersion:
    """The newest version of the project's policy; a project without one gets the default as its version 1.

    Its document is not read: `policy_of` has it, mostly without asking the database.
    """
    newest = PolicyVersion.objects.filter(project=project).defer("document").order_by("-number").first()
    if newest is not None:
        return newest
    version, _created = PolicyVersion.objects.get_or_create(
        project=project, number=1, defaults={"document": dump(DEFAULT_POLICY), "note": "Default policy"}
    )
    return version


_newest: Remembered[int, PolicyVersion] = Remembered("policies", life_seconds=5.0)


def known_in_force(*, project: Project) -> PolicyVersion:
    """As `in_force`, mostly without asking the database: this process hears of it when a version is published."""
    return _newest.get(project.pk, lambda: in_force(project=project))


def policy_of(version: PolicyVersion) -> Policy:
    """The policy of a version. Versions never change, so that each is read once in every process."""
    return _loaded(version.project_id, version.pk, version.created_at)


@lru_cache(maxsize=KEPT)
def _loaded(project_id: int, key: int, created_at: datetime) -> Policy:
    return load(PolicyVersion.objects.get(project_id=project_id, pk=key).document)


def publish(
    *, project: Project, by: Caller, policy: Policy, note: str = "", base: int | None = None, now: datetime
) -> PolicyVersion:
    """Makes a policy the project's next version, in force from now on.

    `base` is the version that it was made from. Raises Outdated when that is no longer the newest one, InvalidPolicy
    when the policy names a team or a person that the project does not have.
    """
    check_names(project, policy)
    newest = in_force(project=project)
    if base is not None and newest.number != base:
        raise Outdated
    try:
        with transaction.atomic():
            version = PolicyVersion.objects.create(
                project=project,
                number=newest.number + 1,
                document=dump(policy),
                note=note[:NOTE_CHARS],
                created_by=by.user,
                created_at=now,
            )
            detail = {"version": version.number, "note": version.note}
            target = f"policy version {version.number}"
            audit.record(project=project, by=by, action="policy.published", target=target, detail=detail, now=now)
            _newest.changed()
    except IntegrityError:
        raise Outdated from None
    return version


def draft_of(*, project: Project) -> PolicyDraft | None:
    """The draft that the project's leads share, if there is one."""
    return PolicyDraft.objects.filter(project=project).select_related("changed_by").first()


@transaction.atomic
def change_draft(
    *, project: Project, by: Caller, edition: int, change: Callable[[Policy], Policy], now: datetime
) -> PolicyDraft:
    """Changes the draft, which begins as the version in force.

    `edition` is the one that was looked at, 0 when there was no draft. Raises Outdated when it is another by now.
    """
    assert by.user is not None
    version = in_force(project=project)
    start: dict[str, Any] = {"document": dump(policy_of(version)), "base": version.number, "edition": 0}
    PolicyDraft.objects.get_or_create(project=project, defaults={**start, "changed_at": now})
    draft = PolicyDraft.objects.select_for_update().get(project=project)
    if draft.edition != edition:
        raise Outdated
    before = load(draft.document)
    after = change(before)
    draft.document = dump(after)
    draft.edition += 1
    draft.changed_by, draft.changed_at = by.user, now
    draft.save()
    changes = differences(before, after)
    if changes:
        detail = {"edition": draft.edition, "changes": [_brief(one) for one in changes[:NOTED]]}
        detail |= {"more": len(changes) - NOTED} if len(changes) > NOTED else {}
        audit.record(
            project=project, by=by, action="policy.draft_changed", target="policy draft", detail=detail, now=now
        )
    return draft


@transaction.atomic
def publish_draft(*, project: Project, by: Caller, edition: int, note: str, now: datetime) -> PolicyVersion:
    """Makes the draft the next version. Raises Outdated and InvalidPolicy as `publish` does."""
    draft = PolicyDraft.objects.select_for_update().filter(project=project, edition=edition).first()
    if draft is None:
        raise Outdated
    version = publish(project=project, by=by, policy=load(draft.document), note=note, base=draft.base, now=now)
    draft.delete()
    return version


@transaction.atomic
def discard_draft(*, project: Project, by: Caller, now: datetime) -> None:
    """Throws the draft away."""
    deleted, _rows = PolicyDraft.objects.filter(project=project).delete()
    if deleted:
        audit.record(project=project, by=by, action="policy.draft_discarded", target="policy draft", detail={}, now=now)


def _brief(change: PolicyChange) -> dict[str, str]:
    """A difference as the audit log keeps it: texts that are long are cut."""
    return {name: value[:NOTED_CHARS] for name, value in asdict(change).items() if value}


def check_names(project: Project, policy: Policy) -> None:
    """Raises InvalidPolicy when a rule that is switched on names a team or a person that the project does not have."""
    teams = set(Team.objects.open().filter(project=project).values_list("slug", flat=True))
    people = set(project.memberships.filter(user__is_active=True).values_list("user__email", flat=True))
    errors: dict[str, list[str]] = {}
    for place, rule in enumerate(policy.rules):
        for field, team, user in _named(rule):
            if team and team not in teams:
                errors[f"rules[{place}].review.{field}"] = [f"there is no team “{team}” in this project"]
            if user and user not in people:
                errors[f"rules[{place}].review.{field}"] = [f"{user} is no member of this project"]
    if errors:
        raise InvalidPolicy(errors)


def warnings(*, project: Project, policy: Policy, now: datetime) -> list[str]:
    """What of a policy cannot be done by the people that the project has, in sentences; it may be published anyway."""
    people = len(recent_roster_of(project.pk, now=now).deciders)
    rules = [rule for rule in policy.rules if rule.enabled and rule.effect is Effect.REVIEW]
    return [
        _(
            "Rule “%(rule)s” asks for %(needed)d approvals, and %(n)d in this project may decide: its requests can be"
            " rejected, but not approved."
        )
        % {"rule": rule.name, "needed": rule.review.approvals_needed, "n": people}
        for rule in rules
        if rule.review.approvals_needed > people
    ]


def _named(rule: Rule) -> list[tuple[str, str, str]]:
    if not rule.enabled:
        return []
    steps = rule.review.escalation.steps
    return [
        ("team", rule.review.team, ""),
        *((f"escalation.steps[{place}]", step.team, step.user) for place, step in enumerate(steps)),
    ]
