"""Versions of a project's policy: which one is in force, and how the next one comes about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
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
from reviews.policy.merging import Merged, Side, merge
from reviews.policy.plan import CRITICAL, ReviewPlan
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


def rebased(*, draft: PolicyDraft, onto: PolicyVersion, choices: Mapping[str, Side] | None = None) -> Merged:
    """What a draft is on a newer version, and what both have changed."""
    version = PolicyVersion.objects.get(project=draft.project_id, number=draft.base)
    return merge(policy_of(version), load(draft.document), policy_of(onto), choices)


@transaction.atomic
def rebase_draft(
    *, project: Project, by: Caller, edition: int, onto: int, choices: Mapping[str, Side], now: datetime
) -> bool:
    """Takes what the version in force has changed over into the draft; False when something is left to choose.

    `onto` is the version that was looked at. Raises Outdated when it, or the draft, is another by now.
    """
    assert by.user is not None
    draft = PolicyDraft.objects.select_for_update().filter(project=project, edition=edition).first()
    newest = in_force(project=project)
    if draft is None or newest.number != onto:
        raise Outdated
    found = rebased(draft=draft, onto=newest, choices=choices)
    if any(conflict.key not in choices for conflict in found.conflicts):
        return False
    detail = {
        "from": draft.base,
        "onto": onto,
        "chosen": {one.key[:NOTED_CHARS]: choices[one.key].value for one in found.conflicts},
    }
    draft.document, draft.base = dump(found.policy), onto
    draft.edition += 1
    draft.changed_by, draft.changed_at = by.user, now
    draft.save()
    audit.record(project=project, by=by, action="policy.draft_rebased", target="policy draft", detail=detail, now=now)
    return True


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


@dataclass(frozen=True)
class Names:
    """The teams of a project, by what they are called in rules, and the addresses of its people."""

    teams: frozenset[str]
    people: frozenset[str]

    def unknown(self, plan: ReviewPlan) -> dict[str, str]:
        """Whom a review names that the project does not have, in sentences by field."""
        found: dict[str, str] = {}
        steps = enumerate(plan.escalation.steps)
        for field, team, user in [
            ("team", plan.team, ""),
            *((f"escalation.steps[{at}]", one.team, one.user) for at, one in steps),
        ]:
            if team and team not in self.teams:
                found[field] = f"there is no team “{team}” in this project"
            if user and user.lower() not in self.people:
                found[field] = f"{user} is no member of this project"
        return found


def names_of(*, project: Project) -> Names:
    """Whom rules of the project may name."""
    teams = Team.objects.open().filter(project=project).values_list("slug", flat=True)
    people = project.memberships.filter(user__is_active=True).values_list("user__email", flat=True)
    return Names(frozenset(teams), frozenset(email.lower() for email in people))


def unknown_names(*, project: Project, policy: Policy) -> dict[int, dict[str, str]]:
    """Whom rules that are switched on name although the project does not have them: by the rule's place and field."""
    names = names_of(project=project)
    found = {place: names.unknown(rule.review) for place, rule in enumerate(policy.rules) if rule.enabled}
    return {place: faults for place, faults in found.items() if faults}


def check_names(project: Project, policy: Policy) -> None:
    """Raises InvalidPolicy when a rule that is switched on names a team or a person that the project does not have."""
    found = unknown_names(project=project, policy=policy)
    if found:
        raise InvalidPolicy(
            {f"rules[{place}].review.{field}": [text] for place, one in found.items() for field, text in one.items()}
        )


def warnings(*, project: Project, policy: Policy, now: datetime) -> list[str]:
    """What of a policy cannot be done by the people that the project has, in sentences; it may be published anyway."""
    people = len(recent_roster_of(project.pk, now=now).deciders)
    rules = [rule for rule in policy.rules if rule.enabled and rule.effect is Effect.REVIEW]
    return [text for rule in rules if (text := _too_few(rule, people))]


def _too_few(rule: Rule, people: int) -> str:
    """Why the requests of a rule cannot be approved by so many people; empty when they can."""
    always = rule.review.at_level(rule.review.risk_level).approvals_needed
    critical = always if rule.review.risk_level else rule.review.at_level(CRITICAL).approvals_needed
    numbers = {"rule": rule.name, "n": people}
    if always > people:
        return _(
            "Rule “%(rule)s” asks for %(needed)d approvals, and %(n)d in this project may decide: its requests can be"
            " rejected, but not approved."
        ) % {**numbers, "needed": always}
    if critical > people:
        return _(
            "Rule “%(rule)s” asks for %(needed)d approvals where the risk is critical, and %(n)d in this project may"
            " decide: such requests can be rejected, but not approved."
        ) % {**numbers, "needed": critical}
    return ""
