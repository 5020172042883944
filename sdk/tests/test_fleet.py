"""The sample fleet: its agents do what people decide, and its past can be sent twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from loopback import KEY, Loopback

pytest.importorskip("opentelemetry.sdk")

from fleet import cleanup, crew, incidents, support
from fleet.clock import NANOS, PastClock
from fleet.desk import Ruling, Ticket
from fleet.session import AgentFailed, Session
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
QUIET_NS = 1_767_225_600 * NANOS + 30 * 60 * NANOS  # A moment at which no provider is in trouble.


class FixedDesk:
    """Rules the same way each time, and remembers what it heard."""

    def __init__(self, rule: Callable[[Mapping[str, Any]], Ruling]) -> None:
        self.rule = rule
        self.asked: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
        self.outcomes: list[tuple[str, Mapping[str, Any]]] = []

    async def ask(self, action: str, arguments: Mapping[str, Any], options: Mapping[str, Any]) -> Ticket:
        self.asked.append((action, arguments, options))

        async def ruling() -> Ruling:
            return self.rule(arguments)

        return Ticket("a1", "http://handrail/a1", ruling)

    async def outcome(self, ticket: Ticket, status: Any, detail: Mapping[str, Any]) -> None:
        self.outcomes.append((status, detail))


async def play(role: crew.Role, desk: FixedDesk, seed: int, *, gated: bool = True) -> list[ReadableSpan]:
    """One session of a role, without faults unless the seed brings them; returns its spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    clock = PastClock(QUIET_NS)
    session: Session = crew.open_session(role, provider, clock, desk, random.Random(seed))
    with suppress(AgentFailed):
        await (role.gated if gated else role.routine)(session)
    provider.shutdown()
    return list(exporter.get_finished_spans())


def ran(spans: list[ReadableSpan], tool: str) -> list[dict[str, Any]]:
    """The arguments of each call of the tool that was really made."""
    return [
        json.loads(str((span.attributes or {})["gen_ai.tool.call.arguments"]))
        for span in spans
        if span.name == f"execute_tool {tool}" and not (span.attributes or {}).get("handrail.approval.id")
    ]


ROLES = {"support": crew.ROLES[0], "incidents": crew.ROLES[1], "cleanup": crew.ROLES[2]}


@pytest.mark.parametrize("seed", range(8))
async def test_an_edited_amount_is_refunded_as_edited(seed: int) -> None:
    desk = FixedDesk(lambda arguments: Ruling("approved", {**arguments, "amount": 12.5}))
    spans = await play(ROLES["support"], desk, seed)
    assert [call["amount"] for call in ran(spans, "process_refund")] == [12.5]
    status, detail = desk.outcomes[0]
    assert status in ("succeeded", "failed")
    assert status == "failed" or detail == {"refunded": 12.5}


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("kind", ["rejected", "expired"])
async def test_what_was_not_approved_never_runs_and_another_plan_takes_its_place(name: str, kind: Any) -> None:
    for seed in range(12):
        desk = FixedDesk(lambda arguments: Ruling(kind, text="no"))
        spans = await play(ROLES[name], desk, seed)
        for action, _, _ in desk.asked:
            assert ran(spans, action) == []
        assert desk.outcomes == []
        if desk.asked:
            assert spans[-1].name.startswith("invoke_agent")
            output = str((spans[-1].attributes or {})["gen_ai.output.messages"])
            assert "ssistant" in output
            assert kind == "rejected" or "orry" in output


async def test_the_three_plans_after_a_rejection_differ() -> None:
    tools = set()
    for name, tool in (("support", "offer_store_credit"), ("incidents", "scale_out"), ("cleanup", "mask_columns")):
        spans = await play(ROLES[name], FixedDesk(lambda arguments: Ruling("rejected", text="no")), 1)
        tools.add(bool(ran(spans, tool)))
    assert tools == {True}


async def test_a_reviewers_answer_is_what_the_customer_hears() -> None:
    spans = await play(ROLES["support"], FixedDesk(lambda arguments: Ruling("answered", text="Call Ida")), 1)
    assert "Call Ida" in str((spans[-1].attributes or {})["gen_ai.output.messages"])


async def test_deletion_stays_within_the_approved_bounds() -> None:
    edit = {"max_rows": 10, "backup_first": True}
    desk = FixedDesk(lambda arguments: Ruling("approved", {**arguments, **edit}))
    spans = await play(ROLES["cleanup"], desk, 3)
    assert [call["max_rows"] for call in ran(spans, "delete_records")] == [10]
    assert len(ran(spans, "backup_table")) == 1


async def test_requests_cross_the_factors_of_the_default_policy() -> None:
    amounts, classes, irreversible = [], set(), set()
    for seed in range(60):
        for name in ROLES:
            desk = FixedDesk(lambda arguments: Ruling("rejected"))
            await play(ROLES[name], desk, seed)
            for _, arguments, options in desk.asked:
                amounts.append(arguments.get("amount", 0))
                classes.add(options["context"].get("data_classification"))
                irreversible.add(options["context"].get("irreversible"))
                assert 300 <= options["timeout_seconds"] <= 900
                assert set(options["arguments_schema"]["required"]) <= set(arguments)
    assert any(0 < amount <= 1000 for amount in amounts)
    assert any(1000 < amount <= 10_000 for amount in amounts)
    assert any(amount > 10_000 for amount in amounts)
    assert {"confidential", "internal"} <= classes
    assert {True, False} <= irreversible


async def test_a_turn_that_waits_for_a_person_ends_as_an_interrupt_and_not_as_an_error() -> None:
    spans = await play(ROLES["support"], FixedDesk(lambda arguments: Ruling("rejected")), 1)
    roots = [span for span in spans if span.parent is None]
    assert len(roots) == 2
    assert [event.name for event in roots[0].events] == ["exception"]
    assert "GraphInterrupt" in str((roots[0].events[0].attributes or {})["exception.type"])
    assert roots[0].status.is_unset
    assert {(span.attributes or {})["gen_ai.conversation.id"] for span in spans} == {
        (roots[0].attributes or {})["gen_ai.conversation.id"]
    }


async def test_model_calls_carry_counts_and_messages() -> None:
    spans = await play(ROLES["incidents"], FixedDesk(lambda arguments: Ruling("rejected")), 1)
    chats = [dict(span.attributes or {}) for span in spans if span.name.startswith("chat") and span.status.is_unset]
    assert len(chats) >= 4
    for chat in chats:
        read, total = chat["gen_ai.usage.cache_read.input_tokens"], chat["gen_ai.usage.input_tokens"]
        assert 0 <= int(str(read)) <= int(str(total))
        for message in json.loads(str(chat["gen_ai.input.messages"])):
            assert {"role", "parts"} <= set(message)
    assert {chat["gen_ai.provider.name"] for chat in chats} == {"anthropic"}


def arrived(server: Loopback) -> Counter[tuple[bytes, bytes, int]]:
    found: Counter[tuple[bytes, bytes, int]] = Counter()
    for request in server.requests("POST", "/v1/traces"):
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            for scope in resource.scope_spans:
                found.update((span.trace_id, span.span_id, span.start_time_unix_nano) for span in scope.spans)
    return found


async def test_the_past_is_within_its_bounds_and_sending_it_again_adds_nothing(server: Loopback) -> None:
    now_ns = QUIET_NS
    address = crew.Address(server.url, KEY)
    jobs = await crew.backfill(address, hours=1, seed=7, now_ns=now_ns)
    once = arrived(server)
    await crew.backfill(address, hours=1, seed=7, now_ns=now_ns)
    twice = arrived(server)
    assert jobs > 10
    assert len(once) > 5 * jobs
    assert set(once) == set(twice)
    assert set(twice.values()) == {2}
    starts = [start for _, _, start in once]
    assert now_ns - 3600 * NANOS - crew.SLOT_SECONDS * NANOS <= min(starts)
    assert max(starts) <= now_ns


@contextmanager
def fleet(server: Loopback, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "HANDRAIL_URL": server.url, "HANDRAIL_API_KEY": KEY}
    command = [sys.executable, str(EXAMPLES / "fleet"), *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_once_does_one_job_per_agent_and_records_what_came_of_it(server: Loopback) -> None:
    server.on_create = lambda approval: server.decide(approval["id"], "approve")
    with fleet(server, "--once", "--speed", "100", "--seed", "1") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    # In the fleet's bad ten minutes a model may not answer: then an agent gives up before it asks.
    gave_up = {line.split()[0] for line in out.splitlines() if " gave up: " in line}
    asked = [request.json()["agent"]["name"] for request in server.requests("POST", "/api/v1/approvals")]
    assert sorted([*asked, *gave_up]) == sorted([support.CARD.name, incidents.CARD.name, cleanup.CARD.name])
    assert out.count(" asks: ") == len(asked)
    assert {approval["outcome"]["status"] for approval in server.approvals.values()} <= {"succeeded", "failed"}
    traces = {trace_id.hex() for trace_id, _, _ in arrived(server)}
    assert {request.json()["trace_id"] for request in server.requests("POST", "/api/v1/approvals")} <= traces


def test_a_live_fleet_keeps_its_queue_short_and_takes_it_back_when_told_to_stop(server: Loopback) -> None:
    with fleet(server, "--speed", "500") as process:
        server.until(lambda: len(server.approvals) == len(crew.ROLES) * crew.MOST_WAITING, 60)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert len(server.approvals) == len(crew.ROLES) * crew.MOST_WAITING
    assert {approval["status"] for approval in server.approvals.values()} == {"cancelled"}


def test_a_fleet_whose_server_is_gone_still_stops_within_seconds(server: Loopback) -> None:
    with fleet(server, "--speed", "100") as process:
        server.until(lambda: len(server.approvals) >= 2, 60)
        server.stop()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert time.monotonic() - began < 10
