"""Rows that are written together are what saving each of them would have made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model
from pytest_django import DjangoAssertNumQueries

from agents.models import AuditEvent, OutboxEvent, Project
from console.lib.rows import insert
from reviews.models import FlowEntry
from reviews.services.requests import ItemDraft, RequestDraft, create_request
from tests.reviews.conftest import make_person

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
EVERY_KIND = {
    "digits": 12345678901234567890123,
    "float": 1.0,
    "small": 1e-7,
    "text": "quotes \" and ' and \\ and %s, é, \u2028, 😀",
    "nothing": None,
    "list": [True, {"z": 1, "a": 2}],
}


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="alpha", name="Alpha")


def act(project: Project | None, detail: Any) -> AuditEvent:
    return AuditEvent(project=project, actor_label="a 'label'", action="x.y", target="t", detail=detail, at=NOON)


def values_of(row: Model) -> dict[str, Any]:
    fresh = type(row)._base_manager.get(pk=row.pk)
    return {field.attname: getattr(fresh, field.attname) for field in row._meta.concrete_fields if field.name != "id"}


def test_a_row_holds_what_a_saved_one_holds(project: Project) -> None:
    saved, inserted = act(project, EVERY_KIND), act(project, EVERY_KIND)
    saved.save()
    insert([inserted])
    stored = AuditEvent.objects.exclude(pk=saved.pk).get()
    assert values_of(stored) == values_of(saved)
    assert stored.detail == EVERY_KIND
    assert stored.at == NOON


def test_what_an_agent_sent_is_kept_to_the_letter(project: Project) -> None:
    event = OutboxEvent(project=project, type="x", at=NOON, title="t", path="/", data={}, exact={"b": 1, "a": 10**30})
    insert([event])
    with connection.cursor() as cursor:
        cursor.execute("SELECT exact::text, team_id FROM agents_outboxevent")
        assert cursor.fetchall() == [('{"b": 1, "a": 1000000000000000000000000000000}', None)]


def test_all_tables_take_one_statement(project: Project, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    from agents.authentication import Caller

    caller = Caller(user=make_person("Ana", project, "reviewer"))
    draft = RequestDraft(items=(ItemDraft(action="x"),))
    approval = create_request(project=project, by=caller, draft=draft, now=NOON)
    FlowEntry.objects.all().delete()
    AuditEvent.objects.count()
    before = AuditEvent.objects.count()
    entries = [FlowEntry(project=project, approval=approval, kind="arrival") for _ in range(3)]
    with django_assert_num_queries(1):
        insert(entries, [], [act(project, {}), act(None, {})])
    assert (FlowEntry.objects.count(), AuditEvent.objects.count()) == (3, before + 2)
    with django_assert_num_queries(0):
        insert([], [])


def test_the_databases_rules_hold(project: Project) -> None:
    event = OutboxEvent(project=project, type="x", at=NOON, title="t", path="/", data={})
    insert([event])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert([event])  # the same uid again
