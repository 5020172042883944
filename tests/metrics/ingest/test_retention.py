"""Partitions come on demand and go when no project keeps their day; shorter retentions delete rows."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from agents.models import Project
from metrics.models import Rollup, Score, Span, Trace
from metrics.services import partitions, retention
from tests.metrics.ingest import payloads
from tests.metrics.ingest.captures import RECORDED
from tests.metrics.ingest.conftest import Sender

DAY_NS = 86_400 * 10**9


def partition_names() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        return {name for (name,) in cursor.fetchall()}


def test_a_day_that_no_project_keeps_is_dropped_whole(sender: Sender) -> None:
    old, new = payloads.NOW_NS - 40 * DAY_NS, payloads.NOW_NS
    sender.post(
        "/v1/traces", payloads.traces([payloads.span(1, start_ns=old), payloads.span(2, trace=2, start_ns=new)])
    )
    assert "metrics_span_p20261012" in partition_names()
    Project.objects.update(retention_days=30)
    dropped = retention.drop_expired(now=RECORDED)
    assert "metrics_span_p20261012" in dropped.partitions
    left = Span.objects.filter(project_id=sender.project.pk)
    assert [bytes(span.trace_id)[-1] for span in left] == [2]
    assert Trace.objects.filter(project_id=sender.project.pk).count() == 1
    assert Rollup.objects.filter(project_id=sender.project.pk).count() == 1


def test_a_project_that_keeps_less_than_others_loses_only_its_own_rows(sender: Sender, new_sender: Any) -> None:
    other = new_sender("other")
    body = payloads.traces([payloads.span(1, start_ns=payloads.NOW_NS - 40 * DAY_NS)])
    for one in (sender, other):
        one.post("/v1/traces", body)
    Project.objects.filter(pk=sender.project.pk).update(retention_days=30)
    dropped = retention.drop_expired(now=RECORDED)
    # The span, its trace, its minute, and that its name was told apart on that day.
    assert dropped.rows == 4
    assert "metrics_span_p20261012" not in dropped.partitions  # others: days that other tests have left
    assert not Span.objects.filter(project_id=sender.project.pk).exists()
    assert Span.objects.filter(project_id=other.project.pk).count() == 1


@pytest.mark.django_db
def test_partitions_of_the_next_days_are_made_ahead() -> None:
    partitions.ensure_around(RECORDED + timedelta(days=300), days_ahead=1)
    assert {"metrics_span_p20270917", "metrics_span_p20270918", "metrics_log_p20270918"} <= partition_names()


@pytest.mark.django_db
def test_the_rebuild_command_names_what_is_wrong() -> None:
    with pytest.raises(CommandError, match="--project"):
        call_command("rebuild_rollups", "--project", "nobody", "--from", "2026-11-01", "--to", "2026-11-02")
    Project.objects.create(slug="fleet", name="Fleet")
    with pytest.raises(CommandError, match="--from"):
        call_command("rebuild_rollups", "--project", "fleet", "--from", "soon", "--to", "2026-11-02")


def test_the_rebuild_command_says_what_it_went_through(sender: Sender, capsys: pytest.CaptureFixture[str]) -> None:
    sender.post("/v1/traces", payloads.traces([payloads.model_call(1, 100)]))
    call_command("rebuild_rollups", "--project", "fleet", "--from", "2026-11-21", "--to", "2026-11-21T03:00:00Z")
    assert capsys.readouterr().out == "Rebuilt from 1 spans of 1 traces; 0 spans had been counted wrongly.\n"


def test_while_a_project_keeps_everything_the_others_lose_only_their_own_rows(sender: Sender, new_sender: Any) -> None:
    other = new_sender("other")
    body = payloads.traces([payloads.span(1, start_ns=payloads.NOW_NS - 40 * DAY_NS)])
    for one in (sender, other):
        one.post("/v1/traces", body)
    Project.objects.filter(pk=sender.project.pk).update(retention_days=30)
    Project.objects.filter(pk=other.project.pk).update(retention_days=None)
    for project in (sender.project, other.project):
        created = RECORDED - timedelta(days=31)
        project.scores.create(
            trace_id=b"1" * 16, name="n", value=1, source="sdk", created_at=created, updated_at=created
        )
    dropped = retention.drop_expired(now=RECORDED)
    assert dropped.partitions == []
    assert [span.project_id for span in Span.objects.all()] == [other.project.pk]
    assert [score.project_id for score in Score.objects.all()] == [other.project.pk]
    Project.objects.update(retention_days=None)
    assert retention.drop_expired(now=RECORDED + timedelta(days=4000)) == retention.Dropped([])
