"""What waits to be judged once more, and for whom."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q

from agents.models import Project, TeamMember, User
from reviews.models import ApprovalEvent, ApprovalItem, Decision, QualitySettings, Rereview, RereviewAnswer
from reviews.models.quality import RereviewQuerySet

Status = RereviewAnswer.Status
COUNTED = 100
"""Up to so many that wait for a person are counted."""
SAID = 50
LEARNED = 20


def quality_settings(project: Project) -> QualitySettings:
    """What a project has chosen, else the defaults."""
    found = QualitySettings.objects.filter(project=project).select_related("team").first()
    return found or QualitySettings(project=project)


def is_asked(project: Project, user: User) -> bool:
    """Whether a person is among those who judge once more, as far as the project has chosen a team. Two queries."""
    team = quality_settings(project).team_id
    return team is None or TeamMember.objects.filter(team=team, membership__user=user).exists()


def waiting_for(project: Project, user: User, *, now: datetime) -> RereviewQuerySet:
    """What a person can judge now, in the order of the list.

    Nothing on which they have decided themselves (also where they took it back), that they asked for, whose answer they
    have made known, that they have answered or passed over, or for which enough others are at work.
    """
    answers = RereviewAnswer.objects.filter(rereview=OuterRef("pk"))
    done = answers.filter(reviewer=user).exclude(status=Status.HELD)
    decided = Decision.objects.filter(approval=OuterRef("item__approval"), reviewer=user)
    held = Q(answers__status=Status.HELD, answers__leased_until__gt=now) & ~Q(answers__reviewer=user)
    rows = Rereview.objects.open().filter(~Exists(done), ~Exists(decided), project=project)
    rows = rows.exclude(item__approval__requested_by_user=user).exclude(made_by=user)
    rows = rows.annotate(others=Count("answers", filter=held))
    return rows.filter(Q(wanted=0) | Q(wanted__gt=F("answered") + F("others"))).order_by("place")


def how_many_wait(project: Project, user: User, *, now: datetime) -> int:
    """How many a person can judge now, at most COUNTED; none for those who are not asked."""
    if not is_asked(project, user):
        return 0
    return len(waiting_for(project, user, now=now).values_list("pk", flat=True)[:COUNTED])


def held_by(project: Project, user: User, *, now: datetime) -> RereviewAnswer | None:
    """What a person is at, if their lease still runs."""
    rows = RereviewAnswer.objects.held(now).filter(project=project, reviewer=user, rereview__closed_at__isnull=True)
    return rows.select_related("rereview").first()


def rereview_of(project: Project, rereview_id: UUID) -> Rereview | None:
    """One of a project's, with the action that it is about."""
    rows = Rereview.objects.select_related("item__approval__policy_version")
    return rows.filter(project=project, pk=rereview_id).first()


def first_verdict(item_id: int) -> Decision | None:
    """The first person's verdict that counts on an action: nobody's came before it."""
    return Decision.objects.standing().filter(item=item_id, reviewer__isnull=False).first()


def is_held(rereview: Rereview, user: User) -> bool:
    """Whether a person has taken something and not said anything of it yet."""
    return rereview.answers.filter(reviewer=user, status=Status.HELD).exists()


def said_before(item: ApprovalItem) -> list[ApprovalEvent]:
    """The words between people and the agent from before anybody had decided, at most SAID of them."""
    first = Decision.objects.filter(approval=item.approval_id).order_by("id").first()
    rows = ApprovalEvent.objects.filter(approval=item.approval_id, kind__in=ApprovalEvent.CONVERSATION)
    if first is not None:
        rows = rows.filter(at__lt=first.decided_at)
    return list(rows.order_by("id")[:SAID])


def learned(project: Project, user: User) -> list[RereviewAnswer]:
    """What a person answered to seeds that are retired, the latest first, with their requests; at most LEARNED."""
    rows = RereviewAnswer.objects.given().filter(
        project=project, kind=Rereview.Kind.SEED, reviewer=user, rereview__closed_at__isnull=False
    )
    return list(rows.select_related("rereview__item__approval").order_by("-answered_at")[:LEARNED])
