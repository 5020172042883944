"""The report of the quality of labels, from the rows that are written when people judge."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import Project
from reviews.drift import Count
from reviews.flow import DAY
from reviews.models import Approval, Dimension, FlowRollup, RatedItem, Rereview, RereviewAnswer
from reviews.selectors.quality import Window, report, seeds_of
from reviews.services import ratings

NOW = datetime(2026, 3, 25, 15, 30, tzinfo=UTC)  # a Wednesday
Make = Callable[..., Approval]


def rated(approval: Approval, *said: tuple[Caller, str], source: str = "blind", at: datetime = NOW) -> RatedItem:
    told = [ratings.rating(by.user.pk, verdict, at) for by, verdict in said if by.user]
    return RatedItem.objects.create(
        project=approval.project, item=approval.items.get(), source=source, action=approval.action, ratings=told,
        rated_at=at,
    )  # fmt: skip


def decided(project: Project, by: Caller, day: datetime, *, approved: int, rejected: int) -> None:
    assert by.user is not None
    FlowRollup.objects.create(
        project=project, seconds=DAY, dimension=Dimension.REVIEWER, start=day, value=str(by.user.pk),
        approved=approved, rejected=rejected, decisions=approved + rejected,
    )  # fmt: skip


def test_the_window_is_twelve_weeks_from_a_monday() -> None:
    window = Window.at(NOW)
    assert window.start == datetime(2026, 1, 5, tzinfo=UTC)
    assert window.weeks[-1] == datetime(2026, 3, 23, tzinfo=UTC)


def test_a_project_where_nobody_judged_has_a_report_of_nothing(project: Project) -> None:
    found = report(project, now=NOW)
    assert (found.overall.items, found.overall.fleiss.value, found.reviewers, found.pairs) == (0, None, [], [])


def test_blind_answers_and_open_votes_are_told_apart(
    project: Project, other_project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    for _ in range(3):
        rated(request_one(), (ana, "approve"), (ben, "approve"))
    rated(request_one(action="delete"), (ana, "approve"), (ben, "reject"), source="votes")
    rated(request_one(), (ana, "approve"), (ben, "reject"), at=NOW - timedelta(weeks=13))
    blind, votes = report(project, now=NOW), report(project, now=NOW, source="votes")
    assert (blind.overall.items, blind.overall.unanimous.value) == (3, 1.0)
    assert [name for name, _ in votes.actions] == ["delete"]
    assert votes.overall.unanimous.value == 0.0
    assert report(other_project, now=NOW).overall.items == 0


def test_each_reviewer_has_their_weeks_their_drift_and_their_seeds(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    for week in range(12):
        day = datetime(2026, 1, 6, tzinfo=UTC) + timedelta(weeks=week)
        decided(project, ana, day, approved=20 if week < 8 else 39, rejected=20 if week < 8 else 1)
        decided(project, ben, day, approved=20, rejected=20)
    assert ben.user is not None
    seed = Rereview.objects.create(
        project=project, item=request_one().items.get(), kind="seed", place=1, wanted=0, known="reject", made_at=NOW
    )
    RereviewAnswer.objects.create(
        rereview=seed, project=project, kind="seed", reviewer=ben.user, status="answered", verdict="approve",
        agrees=False, answered_at=NOW,
    )  # fmt: skip
    found = report(project, now=NOW)
    by_key = {one.key: one for one in found.reviewers}
    first, second = by_key[ana.user.pk if ana.user else 0], by_key[ben.user.pk]
    assert first.approvals == [Count(20, 40)] * 8 + [Count(39, 40)] * 4
    assert first.approval_drift.is_drift
    assert first.drifts
    assert not first.agreement_drift.is_drift
    assert (second.seeds, first.seeds, found.seeds) == (Count(0, 1), Count(), Count(0, 1))
    only = report(project, now=NOW, only=ben.user.pk)
    assert [one.key for one in only.reviewers] == [ben.user.pk]
    assert [one.answers for one in seeds_of(project, retired=False)] == [Count(0, 1)]
    assert seeds_of(project, retired=True) == []


def test_more_than_is_read_is_said(
    project: Project, request_one: Make, ana: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviews.selectors.quality.ITEMS_MAX", 2)
    for age in range(3):
        rated(request_one(), (ana, "approve"), (ben, "reject" if age == 2 else "approve"), at=NOW - age * timedelta(1))
    found = report(project, now=NOW)
    assert (found.capped, found.overall.items, found.overall.unanimous.value) == (True, 2, 1.0)


def test_the_report_takes_as_many_queries_for_one_as_for_many(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    counts = []
    for many in (1, 15):
        for _ in range(many):
            rated(request_one(), (ana, "approve"), (ben, "approve"))
        with CaptureQueriesContext(connection) as seen:
            report(project, now=NOW, source="votes")
        counts.append(len(seen))
    assert counts == [4, 4]
