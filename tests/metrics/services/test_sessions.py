"""Summaries of sessions, made anew from their traces."""

from datetime import timedelta

import pytest
from django.db import connection

from agents.models import Project
from metrics.models import Session, Trace
from metrics.services import rollups, sessions
from tests.metrics.sending import NOW, Sending


def touch(project: Project, *session_ids: str) -> None:
    with connection.cursor() as cursor:
        sessions.touch(cursor, project.pk, session_ids)


def queued() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM metrics_session_stale")
        return int(cursor.fetchone()[0])


def in_session(session: str, **rest: str) -> dict[str, str]:
    return {"session.id": session, **rest}


def test_a_session_adds_up_its_traces_and_ends_as_the_last_one_did(project: Project, sending: Sending) -> None:
    first = sending.agent("planner", ago=600, seconds=5, attributes=in_session("s/1 ü", **{"user.id": "ann"}))
    last = sending.agent("helper", ago=60, seconds=2, error="Boom", attributes=in_session("s/1 ü"))
    sending.send([first, sending.call(first, tokens=(1000, 100)), last])
    touch(project, "s/1 ü", "")
    assert sessions.refresh(now=NOW) == 1
    found = Session.objects.get(project_id=project.pk, session_id="s/1 ü")
    assert (found.trace_count, found.failed_count, found.error_count) == (2, 1, 1)
    assert (found.input_tokens, found.output_tokens) == (1000, 100)
    assert found.cost_nanos == sum(Trace.objects.values_list("cost_nanos", flat=True)) > 0
    assert (found.agents, found.models, found.user_id) == (["helper", "planner"], ["gpt-4o-mini"], "ann")
    assert (found.last_status, bytes(found.last_trace_id)) == ("error", last.trace_id)
    assert found.span_ns == 542_000_000_000
    assert queued() == 0


def test_a_session_without_traces_left_disappears(project: Project, sending: Sending) -> None:
    sending.send([sending.agent(attributes=in_session("s"))])
    touch(project, "s")
    sessions.refresh(now=NOW)
    Trace.objects.update(session_id="other")
    touch(project, "s", "other")
    sessions.refresh(now=NOW)
    assert list(Session.objects.values_list("session_id", flat=True)) == ["other"]


def test_projects_with_the_same_session_id_stay_apart(
    project: Project, other_project: Project, sending: Sending
) -> None:
    theirs = Sending(other_project)
    sending.send([sending.agent(attributes=in_session("s"))])
    theirs.send([theirs.agent(attributes=in_session("s")) for _ in range(3)])
    touch(project, "s")
    touch(other_project, "s")
    assert sessions.refresh(now=NOW) == 2
    counts = dict(Session.objects.values_list("project_id", "trace_count"))
    assert counts == {project.pk: 1, other_project.pk: 3}


def test_a_very_long_session_is_made_anew_once_a_minute(project: Project, sending: Sending) -> None:
    sending.send([sending.agent(attributes=in_session("s"))])
    touch(project, "s")
    sessions.refresh(now=NOW)
    Session.objects.update(trace_count=sessions.LARGE_TRACES + 1)
    touch(project, "s")
    assert sessions.refresh(now=NOW + timedelta(seconds=30)) == 0
    assert queued() == 1
    assert sessions.refresh(now=NOW + timedelta(seconds=61)) == 1
    assert queued() == 0


def test_more_sessions_than_one_round_takes_are_all_made(
    project: Project, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.send([sending.agent(attributes=in_session(f"s{index}")) for index in range(5)])
    touch(project, *(f"s{index}" for index in range(5)))
    monkeypatch.setattr(sessions, "SESSIONS_PER_ROUND", 2)
    assert sessions.refresh(now=NOW) == 5


def test_the_session_that_waits_the_longest_is_made_first(
    project: Project, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    sending.send([sending.agent(attributes=in_session(session)) for session in "abc"])
    with connection.cursor() as cursor:
        for place, session in enumerate("cab"):
            cursor.execute(
                "UPDATE metrics_session_stale SET queued_at = %s WHERE session_id = %s",
                [NOW + timedelta(seconds=place), session],
            )
    touch(project, "c")
    made: list[str] = []
    monkeypatch.setattr(sessions, "SESSIONS_PER_ROUND", 1)
    monkeypatch.setattr(sessions, "_store", lambda cursor, project_id, session_ids, now: made.extend(session_ids))
    sessions.refresh(now=NOW)
    assert made == ["c", "a", "b"]
    assert queued() == 0


def test_ingest_notes_the_session_of_every_trace_it_touches_also_the_one_it_leaves(
    project: Project, sending: Sending
) -> None:
    root = sending.agent(ago=60, attributes=in_session("final"))
    child = sending.call(root, ago=50, attributes=in_session("early"))
    sending.send([child])
    assert sessions.refresh(now=NOW) == 1
    sending.send([root])
    sending.send([sending.agent()])
    sessions.refresh(now=NOW)
    assert list(Session.objects.values_list("session_id", "trace_count")) == [("final", 1)]
    assert queued() == 0
    sending.send([root])
    assert queued() == 0


def test_a_rebuild_of_the_rollups_has_the_sessions_made_anew(project: Project, sending: Sending) -> None:
    root = sending.agent(attributes=in_session("s"))
    sending.send([root, sending.call(root)])
    sessions.refresh(now=NOW)
    rollups.rebuild(project_id=project.pk, start=NOW - timedelta(hours=1), end=NOW)
    assert queued() == 1
