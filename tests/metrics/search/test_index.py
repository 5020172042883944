"""The text index: what it finds, how far behind it is, what it forgets, and that nothing is lost on the way."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.db import connection, transaction
from django.test import Client

from agents.models import Project
from console.lib.pace import Spare
from metrics.ingest.rows import RawSpan
from metrics.services import search_index
from tests.metrics.sending import NOW, Sending

Ask = Callable[..., Any]
LATER = NOW + timedelta(seconds=5)


def found(ask: Ask, text: str, **query: Any) -> set[str]:
    answer = ask("traces", q=text, **query)
    assert answer.status_code == 200, answer.content
    return {row["trace_id"] for row in answer.json()["results"]}


class Processors(NamedTuple):
    """Seconds that processors have spent."""

    user: float
    idle: float


class Machine:
    """A clock that goes on by a step each time that somebody looks at it, and two processors."""

    def __init__(self) -> None:
        self.now, self.step, self.idle = 0.0, 1.0, 0.0
        self._spent = Processors(0.0, 0.0)

    def time(self) -> float:
        self.now += self.step
        return self.now

    def processors(self) -> Processors:
        busy, idle = self._spent
        self._spent = Processors(busy + 1 - self.idle, idle + self.idle)
        return self._spent


def said(sending: Sending, question: str, answer: str = "fine", **rest: Any) -> RawSpan:
    def message(role: str, text: str) -> str:
        return f'[{{"role": "{role}", "parts": [{{"type": "text", "content": "{text}"}}]}}]'

    attributes = {
        "gen_ai.input.messages": message("user", question),
        "gen_ai.output.messages": message("assistant", answer),
        **rest.pop("attributes", {}),
    }
    return sending.call(attributes=attributes, **rest)


def queue() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM metrics_unindexed")
        return int(cursor.fetchone()[0])


def test_traces_are_found_by_the_words_and_values_in_them(sending: Sending, ask: Ask) -> None:
    refund = said(sending, "Please refund order 4711", "Größe geprüft", attributes={"http.status_code": 500})
    invoice = said(
        sending, "Where is my invoice?", error="RateLimitError", attributes={"user.id": "Ana B", "big": True}
    )
    sending.send([refund, invoice])
    search_index.run(now=LATER)
    one, other = refund.trace_id.hex(), invoice.trace_id.hex()
    for text, expected in (
        ("refund", {one}),
        ("REFUND 4711", {one}),
        ("refund invoice", set()),
        ("größe", {one}),
        ("refun", set()),
        ("http.status_code=500", {one}),
        ("http.status_code=50", set()),
        ("big=true", {other}),
        ("RateLimitError", {other}),
        ("error:RateLimitError", {other}),
        ('user:"Ana B"', {other}),
        ('"Ana B"', {other}),
        ("model:gpt-4o-mini", {one, other}),
        ("invoice model:gpt-4o-mini status:error", {other}),
        ("refund status:error", set()),
        (refund.span_id.hex(), {one}),
        ("user assistant", set()),
    ):
        assert found(ask, text) == expected, text


def test_errors_are_words_and_words_can_be_left_out(sending: Sending, ask: Ask) -> None:
    striped = said(sending, "zebra5 crossing", error="TimeoutError", attributes={"http.status_code": 504})
    plain = said(sending, "a crossing")
    sending.send([striped, plain])
    search_index.run(now=LATER)
    one, other = striped.trace_id.hex(), plain.trace_id.hex()
    for text, expected in (
        ("TimeoutError", {one}),
        ("timeouterror crossing", {one}),
        ("crossing", {one, other}),
        ("-zebra5", {other}),
        ("crossing -zebra5", {other}),
        ("crossing -giraffe", {one, other}),
        ("-http.status_code=504", {other}),
        ("-crossing", set()),
        ("-zebra5 model:gpt-4o-mini", {other}),
    ):
        assert found(ask, text) == expected, text
    refused = ask("traces", q="-status:error")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "q")


def test_traces_are_found_by_the_names_of_their_spans(sending: Sending, ask: Ask) -> None:
    root = sending.agent()
    sending.send([root, sending.span("execute_tool search", trace=root.trace_id, parent=root.span_id)])
    sending.send([sending.agent("other")])
    search_index.run(now=LATER)
    for text in ('span:"execute_tool search"', 'span="EXECUTE_TOOL SEARCH"', 'span:"invoke_agent helper"'):
        assert found(ask, text) == {root.trace_id.hex()}, text
    assert found(ask, "span:search") == set()


def test_words_of_several_spans_that_arrive_apart_are_words_of_one_trace(sending: Sending, ask: Ask) -> None:
    root = sending.agent()
    sending.send([said(sending, "alpha", parent=root, ago=50)])
    search_index.run(now=LATER)
    sending.send([root, said(sending, "beta", parent=root, ago=40)])
    search_index.run(now=LATER)
    assert found(ask, "alpha beta") == {root.trace_id.hex()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT start_ns FROM metrics_search")
        assert cursor.fetchall() == [(root.start_ns,)]


def test_content_that_came_as_log_records_is_found(sending: Sending, ask: Ask) -> None:
    call = sending.call()
    sending.log(call, event_name="gen_ai.user.message", body={"content": "whereabouts of parcel"})
    sending.send([call])
    search_index.run(now=LATER)
    assert found(ask, "parcel whereabouts") == {call.trace_id.hex()}


def test_content_that_is_logged_after_its_span_was_indexed_is_found(sending: Sending, ask: Ask) -> None:
    call = sending.call()
    sending.send([call])
    search_index.run(now=LATER)
    sending.log(call, event_name="gen_ai.choice", body={"message": {"content": "afterthought"}})
    search_index.run(now=LATER)
    assert found(ask, "afterthought") == {call.trace_id.hex()}


def test_other_projects_are_not_searched(sending: Sending, other_project: Project, ask: Ask) -> None:
    theirs = Sending(other_project)
    theirs.send([said(theirs, "secret plan")])
    search_index.run(now=LATER)
    assert found(ask, "secret") == set()


def test_time_and_order_apply_to_what_is_found(sending: Sending, ask: Ask) -> None:
    calls = [said(sending, "parcel", ago=60 + n, seconds=10 - n) for n in range(4)]
    sending.send([*calls, sending.call(ago=30, seconds=99)])
    search_index.run(now=LATER)
    rows = ask("traces", q="parcel", sort="duration", order="asc").json()["results"]
    assert [row["trace_id"] for row in rows] == [call.trace_id.hex() for call in reversed(calls)]
    assert len(found(ask, "parcel", to="2026-03-02T11:59:29Z")) == 2


def test_a_crash_in_the_middle_loses_nothing(sending: Sending, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    call = said(sending, "parcel")
    sending.send([call])
    before = queue()

    def crash(*_args: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(search_index, "_store", crash)
        with pytest.raises(RuntimeError):
            search_index.run(now=LATER)
    assert queue() == before > 0
    search_index.run(now=LATER)
    assert (queue(), found(ask, "parcel")) == (0, {call.trace_id.hex()})


@pytest.mark.django_db(transaction=True)
def test_two_indexers_at_once_index_everything_once(sending: Sending, ask: Ask) -> None:
    sending.send([said(sending, f"parcel number {n}") for n in range(40)])
    done: list[int] = []

    def work() -> None:
        try:
            done.append(search_index.run(now=LATER).traces)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    search_index.run(now=LATER)
    assert sum(done) == 40
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT trace_id) FROM metrics_search")
        assert cursor.fetchone() == (40, 40)
    assert len(found(ask, "number 7")) == 1


@pytest.mark.django_db(transaction=True)
def test_who_is_not_the_one_at_it_leaves_the_queue_alone(sending: Sending) -> None:
    sending.send([said(sending, "parcel")])
    seen: list[int] = []

    def work() -> None:
        try:
            seen.append(search_index.run(now=LATER).rows)
        finally:
            connection.close()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [search_index.LOCK_KEY])
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [0]
    assert queue() > 0


def test_a_damaged_value_hides_its_own_words_only(sending: Sending, ask: Ask) -> None:
    good, bad = said(sending, "parcel one"), said(sending, "parcel two")
    sending.send([good, bad])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_span SET detail = '\\x01ffff' WHERE trace_id = %s", [bad.trace_id])
    search_index.run(now=LATER)
    assert found(ask, "parcel") == {good.trace_id.hex()}
    assert bad.trace_id.hex() in found(ask, "chat")


def test_what_just_arrived_waits_for_the_rest_of_its_trace(sending: Sending) -> None:
    sending.send([said(sending, "parcel")])
    assert search_index.run(now=NOW).rows == 0
    assert search_index.run(now=LATER).rows == 1


def test_days_no_longer_searched_are_neither_kept_nor_indexed(sending: Sending, ask: Ask, settings: Any) -> None:
    day = 86_400.0
    old, new = said(sending, "parcel", ago=5 * day), said(sending, "parcel")
    sending.send([old, new])
    settings.SEARCH_RETENTION_DAYS = 14
    search_index.run(now=LATER)
    assert len(found(ask, "parcel")) == 2
    settings.SEARCH_RETENTION_DAYS = 3
    assert "metrics_search_p20260225" in search_index.drop_expired(now=LATER)
    assert found(ask, "parcel") == {new.trace_id.hex()}
    sending.send([said(sending, "parcel", ago=6 * day)])
    done = search_index.run(now=LATER)
    assert (done.rows, done.expired, done.traces, queue()) == (1, 1, 0, 0)


def test_the_page_says_how_far_search_reaches_and_when_it_is_behind(page: Client, sending: Sending) -> None:
    url = "/p/fleet/traces/?q=parcel"
    sending.send([said(sending, "parcel")])
    assert "seconds behind" not in page.get(url).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_unindexed SET queued_at = %s", [NOW - timedelta(seconds=42)])
    html = page.get(url).content.decode()
    assert "42 seconds behind" in html
    assert "14 days" in html
    search_index.run(now=LATER)
    assert "seconds behind" not in page.get(url).content.decode()


def test_a_bad_search_is_told_to_people_and_programs(page: Client, sending: Sending, ask: Ask) -> None:
    sending.send([said(sending, "parcel")])
    assert "quotation mark" in page.get('/p/fleet/traces/?q="x').content.decode()
    answer = ask("traces", q='"x')
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "q")
    assert ask("traces", q="agent:a", agent="b").status_code == 422


def test_programs_search_and_filter_in_one_question(sending: Sending, ask: Ask) -> None:
    wanted = said(sending, "parcel")
    sending.send([wanted])
    search_index.run(now=LATER)
    (row,) = ask("traces", q="parcel").json()["results"]
    fits = {"status": row["status"], "agent": row["agents"], "error": "false", "min_cost_usd": "0", "session_id": ""}
    assert found(ask, "parcel", **{name: value for name, value in fits.items() if value}) == {wanted.trace_id.hex()}
    assert found(ask, "parcel", agent="another") == set()
    assert found(ask, "parcel", status=["error", row["status"]]) == {wanted.trace_id.hex()}  # the last one counts
    assert ask("traces", q="parcel", status="wrong").json()["errors"][0]["field"] == "status"


def test_on_a_busy_machine_the_index_rests_while_more_arrives_than_it_reads(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine()
    pace = Spare(idle=0.1, most_times=30, longest=20, clock=machine.time, processors=machine.processors)
    monkeypatch.setattr(search_index, "_spare", pace)
    monkeypatch.setattr(search_index, "BATCH_ROWS", 1)
    monkeypatch.setattr(search_index, "LONGEST_WAIT", 0)
    for number in range(5):
        sending.send([said(sending, f"parcel {number}")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE metrics_unindexed SET queued_at = %s", [NOW])
        three = "SELECT ctid FROM metrics_unindexed LIMIT 3"
        cursor.execute(
            f"UPDATE metrics_unindexed SET queued_at = %s WHERE ctid = ANY (ARRAY({three}))",
            [NOW - timedelta(seconds=10)],
        )
    assert search_index.run(now=NOW).rows == 2  # the machine was busy with the first, so after the second it rests
    machine.step = 0.0
    assert search_index.run(now=LATER).rows == 0
    machine.step = 5.0
    assert search_index.run(now=NOW).rows == 1
    machine.step = 0.0
    assert search_index.run(now=LATER).rows == 0
    machine.idle = 1.0  # as soon as there is time again, it goes on
    assert search_index.run(now=LATER).rows == 2
