"""A policy tried on past requests: set against people, by what was known when each was made, in steps that can stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from console.lib import clock
from reviews import states
from reviews.models import Approval, Backtest, BacktestCase
from reviews.policy.backtest import judged, load_tallies
from reviews.policy.engine import Assessment
from reviews.policy.reading import read_policy
from reviews.policy.results import Figures, results_of
from reviews.policy.schema import dump
from reviews.selectors import past as reading
from reviews.services import backtests, policies
from reviews.services.decisions import Ruling, decide
from reviews.services.expiry import expire_due
from reviews.services.judging import judge
from reviews.services.outcomes import record_outcome
from tests.reviews.conftest import NOON, Api, make_person, make_token

RULES = [
    {"name": "small", "effect": "auto_approve", "condition": "args.amount < 50"},
    {"name": "huge", "effect": "auto_reject", "condition": "args.amount > 5000"},
    {"name": "the rest", "effect": "review", "condition": "true"},
]
MINUTE = timedelta(minutes=1)
LATER = NOON + timedelta(days=1)


@pytest.fixture
def asked(request_one: Callable[..., Approval], ana: Caller) -> Callable[..., Approval]:
    """A request of the past, and what became of it a minute later."""
    made = 0

    def ask(verdict: str = "", *, outcome: str = "", **fields: Any) -> Approval:
        nonlocal made
        made += 1
        now = fields.pop("now", NOON + made * MINUTE)
        amount = fields.pop("amount", 10)
        approval = request_one(now=now, arguments={"amount": amount}, **fields)
        if verdict:
            ruling = Ruling(
                verdict=states.Verdict(verdict),
                reason="Because" if verdict == "reject" else "",
                message="Here" if verdict == "respond" else "",
                arguments={"amount": 1} if verdict == "edit" else None,
            )
            decide(approval=approval, by=ana, ruling=ruling, now=now + MINUTE)
        if outcome:
            record_outcome(approval=approval, by=ana, status=outcome, detail={}, now=now + 2 * MINUTE)
        return approval

    return ask


def tried(project: Project, rules: list[dict[str, Any]] | None = None, **fields: Any) -> Backtest:
    policy = read_policy({"rules": rules or RULES})
    trial = backtests.Trial(subject=Backtest.Subject.SENT, number=1, document=dump(policy))
    return backtests.start(
        project=project, by=None, trial=trial, since=NOON - timedelta(hours=1), until=LATER, now=LATER, **fields
    )


def finished(project: Project, rules: list[dict[str, Any]] | None = None) -> Backtest:
    made = tried(project, rules)
    assert backtests.run(backtest_id=made.pk, clock=clock.now, until=clock.now() + timedelta(minutes=1)) is False
    made.refresh_from_db()
    assert made.status == Backtest.Status.DONE
    return made


def figures(made: Backtest) -> Figures:
    return results_of(load_tallies(made.tallies)).total


def test_what_the_policy_would_have_done_is_set_against_people(
    project: Project, asked: Callable[..., Approval]
) -> None:
    asked("approve")
    wrong = [asked("reject"), asked("edit"), asked("respond"), asked("approve", outcome="reverted")]
    asked("reject", amount=6000)
    asked("approve", amount=6000, outcome="failed")
    lost = [asked("approve", amount=6000), asked("edit", amount=7000)]
    asked("reject", amount=100)

    made = finished(project)

    found = figures(made)
    assert (found.seen, found.labelled, found.approved, found.rejected) == (10, 10, 5, 4)
    assert found.false_approvals == {"edit": 1, "reject": 1, "respond": 1, "reverted": 1}
    assert found.false_rejections == {"approve": 1, "edit": 1}
    assert found.false_approval_share.value == 0.8
    assert found.false_approval_share.low == pytest.approx(0.3755, abs=1e-4)  # Wilson, 4 of 5
    kept = BacktestCase.objects.filter(backtest=made).order_by("pk")
    assert [case.approval_id for case in kept] == [one.pk for one in [*wrong, *lost]]
    assert {case.rule for case in kept} == {"small", "huge"}


def test_what_people_never_saw_is_no_label(project: Project, asked: Callable[..., Approval], ana: Caller) -> None:
    policies.publish(project=project, by=ana, policy=read_policy({"rules": RULES}), base=None, now=NOON)
    asked()
    asked(amount=6000)
    asked(amount=100)
    expire_due(now=NOON + timedelta(hours=2))
    asked(amount=100, now=LATER - MINUTE)

    found = figures(finished(project))

    assert found.unlabelled == {"automatic": 2, "expired": 1, "waiting": 1}
    assert found.unlabelled_effects == {"auto_approve": 1, "auto_reject": 1, "review": 2}
    assert (found.labelled, found.wrong, found.false_approval_share.value) == (0, 0, None)


def test_the_load_saved_comes_from_real_times(project: Project, asked: Callable[..., Approval]) -> None:
    asked("approve")
    asked("approve", amount=100)
    found = figures(finished(project))
    assert found.hours == pytest.approx(2 / 60)
    assert found.hours_saved == pytest.approx(1 / 60)
    assert found.timed_share == 1.0
    assert found.decided_share.value == 0.5


def test_agents_and_actions_are_told_apart(project: Project, asked: Callable[..., Approval]) -> None:
    asked("reject", agent="a", action="pay")
    asked("approve", agent="b", action="pay")
    made = finished(project)
    results = results_of(load_tallies(made.tallies))
    assert {group.name: group.figures.false_approval_share.value for group in results.agents} == {"a": 1.0, "b": 0.0}
    assert [(group.name, group.figures.labelled) for group in results.actions] == [("pay", 2)]


HISTORY = (
    "history.session.requests * 1000 + history.session.waiting * 100 + history.agent.approved * 10"
    " + history.action.rejected + history.session.failed * 10000 + history.session.succeeded * 100000"
)
BY_HISTORY = [
    *(
        {"name": f"at {bound}", "effect": "auto_approve", "condition": f"({HISTORY}) % 97 == {bound}"}
        for bound in range(0, 97, 6)
    ),
    {"name": "rest", "effect": "review", "condition": "true"},
]


def test_nothing_from_after_the_request_is_known(
    project: Project, asked: Callable[..., Approval], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request is judged exactly as the live engine would have judged it then, in chunks of any size."""
    verdicts = ["approve", "reject", "", "edit", "approve"]
    for number in range(30):
        asked(
            verdicts[number % 5],
            outcome="succeeded" if number % 5 == 0 else "",
            session_id=f"s{number % 3}",
            agent=f"a{number % 2}",
            now=NOON + (number // 2) * timedelta(seconds=30),  # Two at the same moment.
        )
    policy = read_policy({"rules": BY_HISTORY})
    pasts = reading.chunk(project, after=NOON - MINUTE, until=LATER)
    live = {
        past.key: judge(project=project, policy=policy, subjects=past.subjects, now=past.requested_at).rule
        for past in pasts
    }
    then: dict[Any, str] = {}
    real = judged

    def noted(policy: Any, past: Any, known: Any, recall: Any) -> Assessment:
        assert past.small
        found = real(policy, past, known, recall)
        then[past.key] = found.rule
        return found

    monkeypatch.setattr("reviews.services.backtests.judged", noted)
    for size in (1, 7, 1_000):
        then.clear()
        made = tried(project, BY_HISTORY)
        runner = backtests._claimed(made.pk, now=LATER)
        assert runner is not None
        runner._size = size
        while runner.step(now=LATER):
            pass
        assert then == live
    assert len(set(live.values())) > 3


def test_an_outcome_that_was_replaced_counts_as_what_was_known_then(
    project: Project, asked: Callable[..., Approval], ana: Caller
) -> None:
    first = asked("approve", outcome="succeeded", session_id="s", now=NOON)
    asked("approve", session_id="s", now=NOON + timedelta(minutes=10))
    record_outcome(approval=first, by=ana, status="reverted", detail={}, now=NOON + timedelta(minutes=20))
    asked("approve", session_id="s", now=NOON + timedelta(minutes=30))
    rules = [
        {"name": "good", "effect": "auto_approve", "condition": "history.session.succeeded == 1"},
        {"name": "bad", "effect": "auto_reject", "condition": "history.session.failed == 1"},
        {"name": "rest", "effect": "review", "condition": "true"},
    ]
    found = figures(finished(project, rules))
    assert (found.approved, found.rejected) == (1, 1)


@pytest.mark.parametrize("condition", ["cost.today < 5.0", "cost.budget < 0.5"])
def test_costs_that_were_not_kept_are_unknown_and_people_look(
    project: Project, asked: Callable[..., Approval], condition: str
) -> None:
    asked("approve", trace_id="ab" * 16)
    rules = [
        {"name": "cheap", "effect": "auto_approve", "condition": condition},
        {"name": "cheap trace", "effect": "auto_approve", "condition": "cost.trace < 5.0"},
        {"name": "rest", "effect": "review", "condition": "true"},
    ]
    found = figures(finished(project, rules))
    assert (found.approved, found.doubtful) == (0, 1)


def test_a_run_goes_on_where_a_worker_was_killed(project: Project, asked: Callable[..., Approval]) -> None:
    for _number in range(6):
        asked("reject")
    made = tried(project)
    lost = backtests._claimed(made.pk, now=LATER)
    assert lost is not None
    lost._size = 2
    assert lost.step(now=LATER)
    assert backtests._claimed(made.pk, now=LATER + timedelta(seconds=30)) is None
    assert backtests.stalled(now=LATER + timedelta(seconds=30)) == []

    much_later = LATER + timedelta(minutes=5)
    assert backtests.stalled(now=much_later) == [made.pk]
    assert backtests.run(backtest_id=made.pk, clock=lambda: much_later, until=much_later) is False
    assert lost.step(now=much_later) is False

    made.refresh_from_db()
    assert (made.status, made.done, made.total) == ("done", 6, 6)
    assert figures(made).false_approvals == {"reject": 6}
    assert BacktestCase.objects.filter(backtest=made).count() == 6


def test_a_run_that_is_cancelled_stops_and_keeps_what_it_found(
    project: Project, asked: Callable[..., Approval], ana: Caller
) -> None:
    for _number in range(4):
        asked("reject")
    made = tried(project)
    runner = backtests._claimed(made.pk, now=LATER)
    assert runner is not None
    runner._size = 2
    assert runner.step(now=LATER)
    assert backtests.cancel(backtest=made, by=ana, now=LATER)
    assert runner.step(now=LATER) is False
    made.refresh_from_db()
    assert (made.status, made.done) == ("cancelled", 2)
    assert backtests.cancel(backtest=made, by=ana, now=LATER) is False
    assert AuditEvent.objects.filter(action="policy.backtest_cancelled").count() == 1


def test_a_run_that_never_gets_further_is_given_up(project: Project, asked: Callable[..., Approval]) -> None:
    asked("reject")
    made = tried(project)
    for attempt in range(backtests.ATTEMPTS_MAX):
        assert backtests._claimed(made.pk, now=LATER + attempt * timedelta(minutes=2)) is not None
    assert backtests._claimed(made.pk, now=LATER + timedelta(hours=1)) is None
    made.refresh_from_db()
    assert made.status == "failed"


def test_more_requests_take_no_more_queries(project: Project, asked: Callable[..., Approval]) -> None:
    rules = [{"name": "rest", "effect": "review", "condition": "history.session.requests >= 0 || cost.trace > 1.0"}]

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            finished(project, rules)
        return len(captured)

    asked("approve", outcome="succeeded", session_id="s1")
    few = queries()
    for number in range(10):
        asked("approve", outcome="succeeded", session_id=f"s{number}", trace_id=f"{number + 1:032x}")
    assert queries() <= few + 2  # The outcomes of the requests before, and the costs of traces.


def test_a_project_has_few_runs_open_at_once(project: Project) -> None:
    for _number in range(backtests.OPEN_MAX):
        tried(project)
    with pytest.raises(backtests.TooMany):
        tried(project)


def test_another_projects_requests_are_not_looked_at(
    project: Project, other_project: Project, asked: Callable[..., Approval]
) -> None:
    asked("reject")
    assert figures(finished(other_project)).seen == 0


@pytest.fixture
def lead_api(project: Project, client: Client) -> Api:
    return Api(make_token(make_person("Lea", project, "lead")), client)


def test_the_api_starts_a_run_and_tells_what_came_out(
    project: Project, asked: Callable[..., Approval], lead_api: Api, reviewer_api: Api
) -> None:
    asked("reject")
    body = {"policy": {"rules": RULES}, "since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}
    assert reviewer_api.post("/api/v1/policies/backtests", body).status_code == 403
    answer = lead_api.post("/api/v1/policies/backtests", body)
    assert answer.status_code == 201, answer.content
    path = f"/api/v1/policies/backtests/{answer.json()['id']}"
    backtests.run(backtest_id=answer.json()["id"], clock=clock.now, until=clock.now() + MINUTE)

    found = reviewer_api.get(path).json()
    assert (found["status"], found["done"], found["results"]["false_approvals"]["by"]) == ("done", 1, {"reject": 1})
    assert found["results"]["by_action"][0]["action"] == "process_refund"
    cases = reviewer_api.get(f"{path}/disagreements", kind="false_approval").json()
    assert [(case["what"], case["rule"]) for case in cases["results"]] == [("reject", "small")]
    assert reviewer_api.get("/api/v1/policies/backtests").json()["results"][0]["id"] == answer.json()["id"]
    assert lead_api.post(f"{path}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "2026-03-02T00:00:00Z"}, "policy"),
        ({"version": 99, "since": "2026-03-02T00:00:00Z"}, "version"),
        ({"draft": True, "since": "2026-03-02T00:00:00Z"}, "draft"),
        ({"version": 1, "since": "2099-03-02T00:00:00Z"}, "since"),
        ({"policy": {"rules": [{"name": "x"}]}, "since": "2026-03-02T00:00:00Z"}, "policy.rules"),
    ],
)
def test_what_cannot_be_tried_is_refused_by_name(
    project: Project, lead_api: Api, body: dict[str, Any], field: str
) -> None:
    policies.in_force(project=project)
    answer = lead_api.post("/api/v1/policies/backtests", body)
    assert answer.status_code == 422
    assert any(str(error["field"]).startswith(field) for error in answer.json()["errors"]), answer.json()


def test_the_page_shows_the_figures_and_the_requests(
    project: Project, asked: Callable[..., Approval], ana: Caller
) -> None:
    wrong = asked("reject")
    made = finished(project)
    client = Client()
    assert ana.user is not None
    client.force_login(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/p/shop/policies/backtests/{made.pk}/").content.decode()
    assert "100.0%" in page or "100%" in page
    assert f"/p/shop/queue/{wrong.pk}/" in page
    assert "Approved what people rejected" in page
    assert "2 m 00 s spent" in page or "1 m 00 s spent" in page
    listed = client.get("/p/shop/policies/backtests/").content.decode()
    assert str(made.pk) in listed
    assert "Try a policy on the past" not in listed


def test_a_lead_starts_and_cancels_on_the_page(project: Project, asked: Callable[..., Approval]) -> None:
    client = Client()
    client.force_login(make_person("Lea", project, "lead"), backend="django.contrib.auth.backends.ModelBackend")
    policies.in_force(project=project)
    answer = client.post("/p/shop/policies/backtests/", {"policy": "1", "days": "30"})
    made = Backtest.objects.get(project=project)
    assert answer.status_code == 302
    assert answer["Location"] == f"/p/shop/policies/backtests/{made.pk}/"
    assert 'hx-trigger="every 2s"' in client.get(answer["Location"]).content.decode()
    client.post(f"{answer['Location']}cancel/")
    made.refresh_from_db()
    assert made.status == "cancelled"
    assert client.post("/p/shop/policies/backtests/", {"policy": "draft", "days": "30"}).status_code == 422
