"""Judging once more: what is drawn, who gets it, and what becomes of what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import AuditEvent, Membership, Project, Team, TeamMember
from reviews import states
from reviews.models import Approval, QualitySettings, RatedItem, Rereview, RereviewAnswer
from reviews.selectors.rereview import how_many_wait
from reviews.services import flow, seeds
from reviews.services.decisions import Ruling, decide
from reviews.services.rereview import (
    LEASE,
    InvalidJudgement,
    Judgement,
    Lot,
    answer,
    save_settings,
    skip,
    take,
)
from reviews.services.seeds import InvalidSeed, SeedDraft
from tests.reviews.conftest import NOON, make_person

MINUTE = timedelta(minutes=1)
LATER = NOON + 10 * MINUTE
APPROVE = Judgement(verdict="approve")
Make = Callable[..., Approval]


@pytest.fixture
def cleo(project: Project) -> Caller:
    return Caller(user=make_person("Cleo", project, "lead"))


def choose(project: Project, *, share: float = 1.0, wanted: int = 1, team: Team | None = None) -> None:
    QualitySettings.objects.update_or_create(project=project, defaults={"share": share, "wanted": wanted, "team": team})


def rule(approval: Approval, by: Caller, verdict: str = "approve", **fields: Any) -> None:
    given = {"reason": "no", **fields} if verdict == "reject" else fields
    decide(approval=approval, by=by, ruling=Ruling(verdict=states.Verdict(verdict), **given), now=NOON + MINUTE)


def count() -> None:
    while flow.count():
        pass


@pytest.fixture
def drawn(project: Project, request_one: Make, ana: Caller) -> Callable[..., Rereview]:
    """A request that Ana decided, and what was drawn of it."""

    def make(verdict: str = "approve", **fields: Any) -> Rereview:
        approval = request_one(**fields)
        rule(approval, ana, verdict)
        count()
        return Rereview.objects.select_related("item__approval__project").get(item__approval=approval)

    return make


def held(project: Project, by: Caller, *, now: Any = LATER) -> UUID | None:
    found = take(project=project, by=by, now=now)
    return found.rereview_id if found else None


def test_without_a_share_nothing_is_drawn(project: Project, request_one: Make, ana: Caller) -> None:
    rule(request_one(), ana)
    count()
    assert not Rereview.objects.exists()


def test_the_share_is_drawn_by_the_id_and_never_twice(project: Project, request_one: Make, ana: Caller) -> None:
    choose(project, share=0.5)
    made = [request_one() for _ in range(30)]
    for approval in made:
        rule(approval, ana)
    count()
    drawn = set(Rereview.objects.values_list("item__approval", flat=True))
    assert drawn == {one.pk for one in made if Lot.of(one.pk, 0).chance < 0.5}
    assert 3 < len(drawn) < 27


def test_lots_are_even_and_cannot_be_known_without_the_secret(settings: Any) -> None:
    ids = [uuid4() for _ in range(2_000)]
    lots = [Lot.of(one, 0).chance for one in ids]
    assert 0.45 < sum(lots) / len(lots) < 0.55
    settings.SECRET_KEY = "another"
    assert [Lot.of(one, 0).chance for one in ids] != lots


def test_what_the_policy_or_the_deadline_decided_is_not_drawn(project: Project, request_one: Make) -> None:
    choose(project)
    Approval.objects.filter(pk=request_one().pk).update(status="approved", verdict="approve", closed_at=NOON + MINUTE)
    count()
    assert not Rereview.objects.exists()


def test_beyond_what_may_wait_the_oldest_lapse(
    project: Project, drawn: Callable[..., Rereview], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(project)
    monkeypatch.setattr("reviews.services.rereview.OPEN_MAX", 2)
    made = [drawn().pk for _ in range(4)]
    assert set(Rereview.objects.open().values_list("pk", flat=True)) == set(made[2:])


def test_whoever_decided_is_never_asked_again(
    project: Project, drawn: Callable[..., Rereview], ana: Caller, ben: Caller
) -> None:
    choose(project)
    assert ana.user is not None
    assert ben.user is not None
    row = drawn()
    assert held(project, ana) is None
    assert how_many_wait(project, ana.user, now=LATER) == 0
    assert held(project, ben) == row.pk


def test_an_answer_is_kept_with_the_first_verdict_and_changes_nothing_of_the_request(
    project: Project, drawn: Callable[..., Rereview], ana: Caller, ben: Caller
) -> None:
    choose(project)
    row = drawn("reject")
    before = Approval.objects.filter(pk=row.item.approval_id).values().get()
    held(project, ben)
    done = answer(rereview=row, by=ben, judgement=Judgement(verdict="approve", note=" fine "), now=LATER)
    assert done is not None
    assert (done.verdict, done.note, done.agrees, done.status) == ("approve", "fine", False, "answered")
    assert Approval.objects.filter(pk=row.item.approval_id).values().get() == before
    rated = RatedItem.objects.get()
    assert (rated.source, rated.action, rated.rated_at) == ("blind", "process_refund", LATER)
    assert [(one["reviewer"], one["verdict"]) for one in rated.ratings] == [
        (ana.user and ana.user.pk, "reject"),
        (ben.user and ben.user.pk, "approve"),
    ]
    row.refresh_from_db()
    assert (row.answered, row.closed_at) == (1, LATER)
    assert AuditEvent.objects.get(action="quality.answered").detail == {}


def test_while_one_is_at_it_nobody_else_gets_it_and_then_they_do(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, cleo: Caller
) -> None:
    choose(project)
    row = drawn()
    assert held(project, ben) == row.pk
    assert held(project, ben) == row.pk
    assert held(project, cleo) is None
    assert held(project, cleo, now=LATER + LEASE) == row.pk
    assert answer(rereview=row, by=ben, judgement=APPROVE, now=LATER + LEASE) is None
    assert answer(rereview=row, by=cleo, judgement=APPROVE, now=LATER + LEASE) is not None
    assert answer(rereview=row, by=cleo, judgement=APPROVE, now=LATER + LEASE) is None
    assert RereviewAnswer.objects.given().count() == 1


def test_a_lease_that_ran_out_does_not_matter_while_nobody_else_came(
    project: Project, drawn: Callable[..., Rereview], ben: Caller
) -> None:
    choose(project)
    row = drawn()
    held(project, ben)
    assert answer(rereview=row, by=ben, judgement=APPROVE, now=LATER + 2 * LEASE) is not None


def test_several_can_be_wanted_for_each(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, cleo: Caller
) -> None:
    choose(project, wanted=2)
    row = drawn()
    assert (held(project, ben), held(project, cleo)) == (row.pk, row.pk)
    for by in (ben, cleo):
        answer(rereview=row, by=by, judgement=APPROVE, now=LATER)
    row.refresh_from_db()
    assert (row.answered, row.closed_at) == (2, LATER)
    assert len(RatedItem.objects.get().ratings) == 3


def test_what_was_passed_over_does_not_come_back_to_the_same_person(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, cleo: Caller
) -> None:
    choose(project)
    row = drawn()
    held(project, ben)
    assert skip(rereview=row, by=ben, now=LATER)
    assert not skip(rereview=row, by=ben, now=LATER)
    assert held(project, ben) is None
    assert held(project, cleo) == row.pk


def test_only_the_chosen_team_is_asked(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, cleo: Caller
) -> None:
    team = Team.objects.create(project=project, slug="second", name="Second", created_at=NOON)
    TeamMember.objects.create(team=team, membership=Membership.objects.get(user=cleo.user))
    choose(project, team=team)
    row = drawn()
    assert held(project, ben) is None
    assert held(project, cleo) == row.pk


@pytest.mark.parametrize(
    ("judgement", "field"),
    [
        (Judgement(verdict="maybe"), "verdict"),
        (Judgement(verdict="approve", note="x" * 2_001), "note"),
        (Judgement(verdict="approve", labels=[f"l{n}" for n in range(51)]), "labels"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, judgement: Judgement, field: str
) -> None:
    choose(project)
    row = drawn()
    held(project, ben)
    with pytest.raises(InvalidJudgement) as refused:
        answer(rereview=row, by=ben, judgement=judgement, now=LATER)
    assert list(refused.value.errors) == [field]


@pytest.mark.django_db(transaction=True)
def test_of_many_who_come_at_once_each_gets_another_one(project: Project, drawn: Callable[..., Rereview]) -> None:
    choose(project)
    made = {drawn().pk for _ in range(4)}
    people = [Caller(user=make_person(f"P{number}", project, "reviewer")) for number in range(6)]
    got: list[UUID | None] = []

    def come(by: Caller) -> None:
        try:
            got.append(held(project, by))
        finally:
            connections.close_all()

    threads = [Thread(target=come, args=[by]) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [one for one in got if one is not None]
    assert len(given) == len(set(given))
    assert set(given) <= made
    assert len(given) == 4


def test_votes_of_several_on_one_action_are_written_down(
    project: Project, request_one: Make, ana: Caller, ben: Caller
) -> None:
    approval = request_one()
    Approval.objects.filter(pk=approval.pk).update(plan={**approval.plan, "approvals": 2})
    for by in (ana, ben):
        rule(Approval.objects.get(pk=approval.pk), by)
    rule(request_one(), ana)
    count()
    rated = RatedItem.objects.get()
    assert (rated.source, [one["verdict"] for one in rated.ratings]) == ("votes", ["approve", "approve"])


def test_drawing_takes_the_same_queries_for_one_as_for_many(project: Project, request_one: Make, ana: Caller) -> None:
    choose(project)
    counts = []
    for many in (1, 12):
        for _ in range(many):
            rule(request_one(), ana)
        with CaptureQueriesContext(connection) as seen:
            flow.count()
        counts.append(len(seen))
    assert counts[0] == counts[1]


def plant(row_or_approval: Approval, by: Caller, known: str = "reject", why: str = "Too much.") -> Rereview:
    item = row_or_approval.items.select_related("approval__project").get()
    return seeds.plant(item=item, by=by, draft=SeedDraft(known=known, explanation=why), now=LATER)


def test_a_seed_is_asked_of_everybody_but_who_planted_it_and_says_who_was_right(
    project: Project, request_one: Make, ana: Caller, ben: Caller, cleo: Caller
) -> None:
    approval = request_one()
    rule(approval, ana)
    seed = plant(approval, cleo)
    dora = Caller(user=make_person("Dora", project, "reviewer"))
    assert held(project, cleo) is None
    assert held(project, ana) is None
    for by, verdict in ((ben, "reject"), (dora, "approve")):
        assert held(project, by) == seed.pk
        answer(rereview=seed, by=by, judgement=Judgement(verdict=verdict), now=LATER)
    given = RereviewAnswer.objects.order_by("pk").values_list("kind", "verdict", "agrees")
    assert list(given) == [("seed", "reject", True), ("seed", "approve", False)]
    assert not RatedItem.objects.exists()
    assert seeds.retire(seed=seed, by=cleo, now=LATER)
    assert not seeds.retire(seed=seed, by=cleo, now=LATER)


def test_what_was_drawn_becomes_a_seed_while_nobody_has_judged_it(
    project: Project, drawn: Callable[..., Rereview], ben: Caller, cleo: Caller
) -> None:
    choose(project)
    row = drawn()
    assert plant(row.item.approval, cleo).pk == row.pk
    other = drawn()
    for _ in range(2):
        taken = take(project=project, by=ben, now=LATER)
        assert taken is not None
        answer(rereview=taken.rereview, by=ben, judgement=APPROVE, now=LATER)
    with pytest.raises(InvalidSeed, match="already"):
        plant(other.item.approval, cleo)
    with pytest.raises(InvalidSeed, match="stays as it is"):
        plant(row.item.approval, cleo, known="approve")


def test_a_seed_wants_a_closed_request_an_answer_that_it_allows_and_a_reason(
    request_one: Make, ana: Caller, cleo: Caller
) -> None:
    approval = request_one(allowed_decisions=("approve", "reject"))
    with pytest.raises(InvalidSeed, match="still waits"):
        plant(approval, cleo)
    rule(approval, ana)
    approval.refresh_from_db()
    with pytest.raises(InvalidSeed, match="allows only"):
        plant(approval, cleo, known="edit")
    with pytest.raises(InvalidSeed, match="Say why"):
        plant(approval, cleo, why=" ")


def test_the_choice_of_what_is_drawn_is_audited_once(project: Project, cleo: Caller) -> None:
    for _ in range(2):
        save_settings(project=project, share=0.05, wanted=2, team=None, by=cleo, now=NOON)
    event = AuditEvent.objects.get(action="quality.settings")
    assert event.detail == {"share": {"from": 0.0, "to": 0.05}, "wanted": {"from": 1, "to": 2}}
