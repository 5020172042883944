"""A project's masking policy, its effect on what arrives, and the counts."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import AuditEvent, Project, User
from metrics.ingest import pipeline
from metrics.ingest.events import Events, HeartbeatEvent
from metrics.ingest.masking_own import OwnPattern
from metrics.ingest.masking_rules import KINDS
from metrics.models import Heartbeat, MaskedCount, MaskingPolicy, Span, Trace
from metrics.selectors import details
from metrics.selectors import masking as selector
from metrics.services import masking
from tests.metrics.sending import NOW, Sending

DAY = NOW.date()


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(masking, "_known", {})
    return iter([None])


@pytest.fixture
def admin(project: Project) -> User:
    return User.objects.create_user("admin@example.org", name="Ada")


def change(project: Project, by: User, **changes: Any) -> MaskingPolicy:
    given: dict[str, Any] = {"enabled": True, "mode": "redact", "kinds": KINDS, "patterns": []} | changes
    return masking.change(project=project, **given, by=by, now=NOW)


def test_a_project_that_never_chose_masks_every_kind(project: Project) -> None:
    masker = masking.masker(project.pk)
    assert masker is not None
    assert masker.text("ana@example.com 4111111111111111") == "[email] [card]"


def test_each_batch_counts_for_itself_and_the_database_is_asked_once(project: Project) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        first, second = masking.masker(project.pk), masking.masker(project.pk)
    assert first is not None
    assert second is not None
    first.text("ana@example.com")
    assert (first.counts.total(), second.counts.total()) == (1, 0)
    assert len(queries) == 1


def test_pseudonyms_differ_by_project_and_stay_when_the_policy_changes(
    project: Project, other_project: Project, admin: User
) -> None:
    def said(of: Project) -> str:
        masker = masking.masker(of.pk)
        assert masker is not None
        return masker.identifier("ana@example.com")

    before = said(project)
    change(project, admin, mode="pseudonym")
    masking._known.clear()
    assert said(project) == before != said(other_project)


def test_the_key_of_pseudonyms_follows_the_secret_of_the_installation(project: Project, settings: Any) -> None:
    before = masking.pseudonym_key(project.pk)
    settings.SECRET_KEY = "another"
    assert masking.pseudonym_key(project.pk) != before


def test_a_change_is_kept_audited_and_followed(
    project: Project, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    assert masking.masker(project.pk) is not None
    with django_capture_on_commit_callbacks(execute=True):
        change(project, admin, mode="pseudonym", kinds=["card"], patterns=[OwnPattern("customer", r"C-\d{6}")])
    masker = masking.masker(project.pk)
    assert masker is not None
    assert masker.text("ana@example.com C-123456").startswith("ana@example.com [customer:")
    event = AuditEvent.objects.get(action="masking.change")
    assert (event.project, event.actor_user, event.target) == (project, admin, "project fleet")
    assert event.detail["mode"] == {"from": "redact", "to": "pseudonym"}
    assert set(event.detail) == {"mode", "kinds", "patterns"}
    row = MaskingPolicy.objects.get(project=project)
    assert (row.changed_at, row.changed_by) == (NOW, admin)


def test_a_project_can_switch_masking_off(project: Project, admin: User) -> None:
    change(project, admin, enabled=False)
    assert masking.masker(project.pk) is None


def test_saying_the_same_again_changes_nothing(project: Project, admin: User) -> None:
    change(project, admin, mode="pseudonym")
    change(project, admin, mode="pseudonym")
    assert AuditEvent.objects.filter(action="masking.change").count() == 1


@pytest.mark.parametrize(
    ("field", "wrong", "words"),
    [
        ("mode", "scramble", "redact or pseudonym"),
        ("kinds", ["email", "shoe size"], "shoe size"),
        ("patterns", [OwnPattern("x", "y")] * 21, "At most 20"),
        ("patterns", [OwnPattern("x", "y"), OwnPattern("x", "z")], "Pattern 2, name"),
        ("patterns", [OwnPattern("x", "(")], "Pattern 1, pattern"),
    ],
)
def test_a_wrong_policy_names_the_field(field: str, wrong: Any, words: str, project: Project, admin: User) -> None:
    with pytest.raises(ValidationError) as error:
        change(project, admin, **{field: wrong})
    assert words in error.value.message_dict[field][0]
    assert not MaskingPolicy.objects.exists()
    assert not AuditEvent.objects.exists()


def test_counts_add_up_by_day_and_kind_and_belong_to_a_project(project: Project, other_project: Project) -> None:
    masking.record(project.pk, DAY, {"email": 2, "card": 1})
    masking.record(project.pk, DAY, {"email": 3})
    masking.record(project.pk, date(2026, 1, 1), {"email": 100})
    masking.record(other_project.pk, DAY, {"email": 7})
    masking.record(other_project.pk, DAY, {})
    assert MaskedCount.objects.count() == 4
    assert selector.masked_since(project, DAY) == {"email": 5, "card": 1}
    assert selector.masked_since(project, date(2026, 1, 1)) == {"email": 105, "card": 1}
    assert selector.masked_since(other_project, DAY) == {"email": 7}


def test_what_arrives_is_stored_masked_and_counted(sending: Sending, project: Project, at_noon: None) -> None:
    said = {"gen_ai.input.messages": "I am ana@example.com", "user.id": "ana@example.com"}
    sending.send([sending.span("chat", attributes=said)])
    span = Span.objects.get(project_id=project.pk)
    assert span.user_id.startswith("[email:")
    detail = details.of_spans(Trace.objects.get(project_id=project.pk), [span])[0]
    assert "I am [email]" in str(detail)
    assert "ana@" not in str(detail)
    assert selector.masked_since(project, DAY)["email"] >= 2


def test_what_agents_say_with_a_sign_of_life_is_masked(project: Project) -> None:
    beat = HeartbeatEvent("helper", "ok", None, {"owner": "ana@example.com"}, [{"password": "hunter2"}])
    pipeline.store_events(project.pk, Events(heartbeats=[beat]), NOW)
    row = Heartbeat.objects.get(project=project)
    assert (row.status, row.components, row.circuit_breakers) == (
        "ok",
        {"owner": "[email]"},
        [{"password": "[secret]"}],
    )
