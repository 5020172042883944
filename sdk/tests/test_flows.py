"""Retries, waiting and resuming, run without a network or a clock."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail import Approval, HandrailError, RetryPolicy, Unreachable, WaitTimeout, flows, wire
from handrail.approvals import parse_approval
from handrail.errors import from_problem
from handrail.flows import Effect, Emit, Flow, NextLine, OpenStream, Outage, Pause, Send
from handrail.retry import parse_retry_after
from handrail.wire import Response, TransportFailure

POLICY = RetryPolicy(base_seconds=0.5, cap_seconds=8.0, patience_seconds=30.0, wait_patience_seconds=120.0)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
PENDING = {"id": "a1", "status": "pending", "action": "restart", "arguments": {}}
APPROVED = {**PENDING, "status": "approved", "decision": {"verdict": "approve", "arguments": {"service": "web"}}}
Answer = Response | TransportFailure


def good(data: Any) -> Response:
    return Response(200, {}, json.dumps(data).encode())


class World:
    """Time that passes only in pauses and polls, and a server that answers from a list."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.now = 1000.0
        self.answers = list(answers)
        self.sent: list[wire.Request] = []
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def run(self, flow: Flow[Any]) -> Any:
        result: Any = None
        while True:
            try:
                effect = flow.send(result)
            except StopIteration as stop:
                return stop.value
            result = self.perform(effect)

    def perform(self, effect: Effect) -> Any:
        if isinstance(effect, Pause):
            self.pauses.append(effect.seconds)
            self.now += effect.seconds
            return None
        assert isinstance(effect, Send)
        self.sent.append(effect.request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response) and b"pending" in answer.body:
            self.now += float(effect.request.path.rpartition("=")[2])
        return answer


transient = st.one_of(
    st.builds(TransportFailure, st.just("refused")),
    st.builds(
        Response,
        st.sampled_from([408, 425, 429, 500, 502, 503, 504]),
        st.sampled_from([{}, {"retry-after": "0"}, {"retry-after": "1"}]),
        st.binary(max_size=20),
    ),
)


@given(failures=st.lists(transient, max_size=4))
def test_a_call_outlives_a_few_failures_and_never_changes_what_it_sends(failures: list[Answer]) -> None:
    world = World([*failures, good({"ok": True})])
    assert world.run(flows.call(wire.create({"action": "restart"}), POLICY)) == {"ok": True}
    assert len(world.sent) == len(failures) + 1
    assert len({request.headers["Idempotency-Key"] for request in world.sent}) == 1
    assert len({request.body for request in world.sent}) == 1


@given(failures=st.integers(1, 2000), retry_after=st.none() | st.floats(0, 1e6), seed=st.integers())
def test_a_pause_is_bounded_and_never_shorter_than_the_server_asked(
    failures: int, retry_after: float | None, seed: int
) -> None:
    pause = POLICY.pause(failures, retry_after, random.Random(seed))
    asked = retry_after or 0.0
    assert asked <= pause <= asked + POLICY.cap_seconds
    if retry_after is None:
        assert pause >= POLICY.base_seconds / 2


def test_pauses_of_different_clients_differ() -> None:
    assert len({POLICY.pause(3, None, random.Random(seed)) for seed in range(20)}) == 20


def test_patience_is_counted_from_the_first_failure_of_an_outage() -> None:
    world = World([])
    outage = Outage(POLICY, 30.0, "a call", world.clock)

    def fail_for_ever() -> None:
        while True:
            world.now += outage.pause_after(TransportFailure("refused"))

    with pytest.raises(Unreachable, match="no answer after"):
        fail_for_ever()
    assert 15.0 < world.now - 1000.0 <= 30.0
    world.now += 3600.0
    outage.over()
    assert outage.pause_after(TransportFailure("refused")) > 0


def test_what_will_not_get_better_is_not_tried_again() -> None:
    for status in (400, 401, 403, 404, 409, 413, 415, 422, 501, 302):
        world = World([Response(status, {}, b"no")])
        with pytest.raises(HandrailError) as caught:
            world.run(flows.call(wire.read("a1"), POLICY))
        assert caught.value.status == status
        assert len(world.sent) == 1


def test_a_long_wait_asks_again_each_minute() -> None:
    world = World([good(PENDING), good(PENDING), good(APPROVED)])
    approval: Approval = world.run(flows.wait("a1", None, POLICY, world.clock))
    assert approval.final_arguments == {"service": "web"}
    assert [request.path for request in world.sent] == ["/api/v1/approvals/a1?wait=60"] * 3
    assert world.pauses == []


@given(timeout=st.integers(0, 400_000).map(lambda milliseconds: milliseconds / 1000))
def test_a_wait_ends_within_a_second_of_its_timeout(timeout: float) -> None:
    world = World([good(PENDING)])
    with pytest.raises(WaitTimeout):
        world.run(flows.wait("a1", timeout, POLICY, world.clock))
    assert timeout <= world.now - 1000.0 <= timeout + 1.0
    assert all(request.timeout_seconds > float(request.path.rpartition("=")[2]) for request in world.sent)


def test_a_server_that_does_not_hold_the_wait_is_not_asked_in_a_busy_loop() -> None:
    class Hasty(World):
        def perform(self, effect: Effect) -> Any:
            result = super().perform(effect)
            if isinstance(effect, Send):
                self.now = 1000.0 + sum(self.pauses)
            return result

    world = Hasty([good(PENDING)] * 5 + [good(APPROVED)])
    world.run(flows.wait("a1", None, POLICY, world.clock))
    assert world.pauses == [1.0] * 5


def test_a_wait_bears_a_minute_of_outage_but_not_for_ever() -> None:
    world = World([TransportFailure("refused")] * 8 + [good(APPROVED)])
    world.run(flows.wait("a1", None, POLICY, world.clock))
    assert len(world.pauses) == 8
    world = World([TransportFailure("refused")])
    with pytest.raises(Unreachable):
        world.run(flows.wait("a1", None, POLICY, world.clock))
    assert 60.0 < world.now - 1000.0 <= 120.0


def test_an_outage_at_the_timeout_is_unreachable_and_not_undecided() -> None:
    world = World([TransportFailure("refused")])
    with pytest.raises(Unreachable, match="timeout of 3 s"):
        world.run(flows.wait("a1", 3.0, POLICY, world.clock))
    assert world.now - 1000.0 <= 3.0


class Stream(World):
    """A feedback stream that breaks after a given number of characters, once per entry of `cuts`."""

    def __init__(self, examples: int, cuts: list[int]) -> None:
        super().__init__([good({})])
        self.examples = examples
        self.cuts = cuts
        self.emitted: list[str] = []
        self.lines: list[str | TransportFailure] = []

    def perform(self, effect: Effect) -> Any:
        if isinstance(effect, Emit):
            self.emitted.append(effect.value.id)
            return None
        if isinstance(effect, NextLine):
            return self.lines.pop(0) if self.lines else None
        if isinstance(effect, OpenStream):
            return self.open(effect.request)
        return super().perform(effect)

    def open(self, request: wire.Request) -> Answer:
        start = int(parse_qs(urlsplit(request.path).query).get("cursor", ["0"])[0])
        whole = [
            json.dumps({"id": f"e{number}", "cursor": str(number + 1), "approval_id": "a", "revision": 1})
            for number in range(start, self.examples)
        ]
        self.lines = list(whole)
        if self.cuts:
            left = self.cuts.pop(0)
            self.lines = []
            for line in whole:
                self.lines.append(line[:left])
                left -= len(line)
                if left <= 0:
                    break
            self.lines.append(TransportFailure("reset"))
        return Response(200, {})


@given(examples=st.integers(0, 12), cuts=st.lists(st.integers(1, 600), max_size=5))
def test_a_stream_cut_anywhere_yields_every_example_once_and_in_order(examples: int, cuts: list[int]) -> None:
    world = Stream(examples, cuts)
    world.run(flows.feedback({}, "", POLICY, world.clock))
    assert world.emitted == [f"e{number}" for number in range(examples)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("Fri, 02 Jan 2026 03:04:35 GMT", 30.0),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert parse_retry_after({"retry-after": value}, NOW) == seconds


@given(st.text())
def test_any_retry_after_is_read_without_an_error(value: str) -> None:
    found = parse_retry_after({"retry-after": value}, NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"amount": ["must be a number"]}, {"amount": ("must be a number",)}),
        ([{"field": "amount", "detail": "must be a number"}], {"amount": ("must be a number",)}),
        (
            [{"pointer": "/amount", "message": "no"}, {"pointer": "/amount", "message": "twice no"}],
            {"/amount": ("no", "twice no")},
        ),
        (["no"], {"": ("no",)}),
        (None, {}),
    ],
)
def test_both_common_forms_of_field_errors_are_read(errors: Any, expected: dict[str, tuple[str, ...]]) -> None:
    body = json.dumps({"title": "Invalid", "errors": errors}).encode()
    assert from_problem(422, body, what="POST /x").errors == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["errors", "title", "detail", "field", "message"]) | st.text(max_size=4), inner
        )
    ),
    max_leaves=12,
)


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50))
def test_any_refusal_is_read_without_an_error(body: bytes) -> None:
    assert from_problem(500, body, what="GET /x").status == 500


FIELDS = [
    "action", "arguments", "risk", "policy", "decision", "items", "messages", "outcome", "expires_at", "factors",
    "score", "reviewers", "labels", "estimated_wait_seconds", "url", "index",
]  # fmt: skip
odd_approvals = st.dictionaries(
    st.sampled_from(FIELDS),
    json_values | st.dictionaries(st.sampled_from(FIELDS), json_values) | st.lists(json_values),
)


@given(odd_approvals)
def test_an_approval_with_odd_fields_is_read_by_its_id_and_status(fields: dict[str, Any]) -> None:
    approval = parse_approval({**fields, "id": "a1", "status": "pending"})
    assert (approval.id, approval.status) == ("a1", "pending")


@pytest.mark.parametrize("answer", [None, [], "hello", {}, {"id": "a1"}, {"status": "approved"}])
def test_an_answer_without_id_and_status_never_counts_as_an_approval(answer: Any) -> None:
    with pytest.raises(HandrailError, match="not an approval"):
        parse_approval(answer)


def test_a_denial_under_a_status_this_version_does_not_know_still_raises() -> None:
    with pytest.raises(HandrailError, match="denied"):
        parse_approval({**PENDING, "status": "withheld", "effect": "deny"}).raise_if_denied()


def test_an_html_page_is_no_answer() -> None:
    with pytest.raises(HandrailError, match="is the address right"):
        World([Response(200, {}, b"<html>")]).run(flows.call(wire.read("a1"), POLICY))


@given(st.text(min_size=1))
def test_an_id_cannot_leave_its_place_in_the_address(approval_id: str) -> None:
    builders: list[Callable[[], wire.Request]] = [
        lambda: wire.read(approval_id),
        lambda: wire.long_poll(approval_id, 1),
        lambda: wire.cancel(approval_id, ""),
    ]
    for build in builders:
        path = build().path.partition("?")[0]
        assert path.startswith("/api/v1/approvals/")
        assert path.count("/") in (4, 5)
        assert " " not in path
