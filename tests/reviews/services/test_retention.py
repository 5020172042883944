"""What is kept no longer leaves a trace: a version its card and hash, a back-test a line in the audit log."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from console.lib import clock
from reviews.models import Approval, Backtest, BacktestCase, DatasetPart, DatasetVersion, ExportPart
from reviews.services import exports, policies, retention
from tests.reviews.conftest import Api, make_person, make_token
from tests.reviews.datasets import decider, exported, frozen, make_dataset, written_last

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_examples_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.services.datasets.settled_end", written_last)


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


@pytest.fixture
def approval(project: Project, agent: Caller, ana: Caller) -> Approval:
    return decider(project, agent, ana)()


@pytest.fixture
def version(project: Project, lead: Caller, approval: Approval) -> DatasetVersion:
    return frozen(make_dataset(project, lead), lead)


def run_of(project: Project, approval: Approval, finished_at: datetime | None) -> Backtest:
    """A back-test with one disagreement."""
    now = clock.now()
    status = Backtest.Status.DONE if finished_at else Backtest.Status.WAITING
    made = Backtest.objects.create(
        project=project, subject=Backtest.Subject.SENT, number=policies.in_force(project=project).number, document={},
        digest="d", since=now - timedelta(days=1), until=now, position=now, status=status, created_at=now,
        finished_at=finished_at,
    )  # fmt: skip
    BacktestCase.objects.create(backtest=made, approval=approval, kind="false_approval", what="reject", rule="r")
    return made


def test_a_version_that_is_taken_back_keeps_its_card_and_hash(lead: Caller, version: DatasetVersion) -> None:
    exported(version, lead, "jsonl")
    said = version.content_hash, version.card
    assert retention.forget_version(version=version, by=lead, now=clock.now())
    assert not retention.forget_version(version=version, by=lead, now=clock.now())
    retention.clear_forgotten()
    exports.expire_due(now=clock.now())
    version.refresh_from_db()
    assert (version.status, version.content_hash, version.card) == ("expired", *said)
    assert (DatasetPart.objects.count(), ExportPart.objects.count()) == (0, 0)
    told = AuditEvent.objects.get(action="dataset.forgotten")
    assert told.detail["content_hash"] == said[0]


def test_auditors_take_nothing_back_and_leads_do(
    project: Project, lead: Caller, version: DatasetVersion, agent_api: Api
) -> None:
    def taken_back(secret: str) -> int:
        url = f"/api/v1/datasets/{version.dataset_id}/versions/{version.number}"
        return agent_api.client.delete(url, headers={"authorization": f"Bearer {secret}"}).status_code

    assert taken_back(make_token(make_person("Aud", project, "auditor"))) == 403
    version.refresh_from_db()
    assert version.status == "ready"
    assert lead.user is not None
    assert taken_back(make_token(lead.user)) == 200


def test_a_version_of_which_a_file_is_being_made_stays(lead: Caller, version: DatasetVersion) -> None:
    exports.order(version=version, by=lead, format="jsonl", split="", now=clock.now())
    with pytest.raises(retention.Busy):
        retention.forget_version(version=version, by=lead, now=clock.now())


def test_the_next_version_has_a_number_of_its_own(lead: Caller, version: DatasetVersion) -> None:
    retention.forget_version(version=version, by=lead, now=clock.now())
    assert frozen(version.dataset, lead).number == 2


def test_old_back_tests_are_forgotten_and_told(project: Project, approval: Approval) -> None:
    now = clock.now()
    run_of(project, approval, now - retention.BACKTESTS_KEPT - timedelta(days=1))
    kept = run_of(project, approval, now - timedelta(days=1))
    assert retention.forget_old_backtests(now=now) == 1
    assert retention.forget_old_backtests(now=now) == 0
    assert (Backtest.objects.get(), BacktestCase.objects.get().backtest) == (kept, kept)
    assert AuditEvent.objects.get(action="policy.backtest_forgotten").actor_label == "Handrail"


def test_leads_delete_what_is_finished(project: Project, approval: Approval, agent_api: Api, reviewer_api: Api) -> None:
    lead_api = Api(make_token(make_person("Leo", project, "lead")), agent_api.client)
    done, waiting = run_of(project, approval, clock.now()), run_of(project, approval, None)

    def deleted(api: Api, run: Backtest) -> int:
        headers = {"authorization": f"Bearer {api.secret}"}
        return api.client.delete(f"/api/v1/policies/backtests/{run.pk}", headers=headers).status_code

    assert deleted(reviewer_api, done) == 403
    assert deleted(lead_api, waiting) == 409
    assert deleted(lead_api, done) == 204
    assert deleted(lead_api, done) == 404
    assert Backtest.objects.get() == waiting
