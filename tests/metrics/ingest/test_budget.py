"""Whose bytes may take memory, how many and for how long: only senders with a key, never more than arrived."""

import asyncio
import gzip
from typing import Any

import pytest

from agents.known_keys import known_keys
from metrics.api import intake, otlp
from metrics.models import Span
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import PROTOBUF, Reply, Sender, call
from tests.metrics.ingest.payloads import span

TRACES = "/v1/traces"


def stored(sender: Sender) -> int:
    return Span.objects.filter(project_id=sender.project.pk).count()


def test_more_bytes_than_the_budget_are_turned_away_and_the_budget_recovers(sender: Sender, settings: Any) -> None:
    body = payloads.traces([span(1)])
    settings.INGEST_MAX_IN_FLIGHT = len(body) - 1
    busy = sender.post(TRACES, body)
    assert (busy.status, busy.headers["retry-after"]) == (503, "1")
    settings.INGEST_MAX_IN_FLIGHT = len(body) + intake.ROW_BYTES
    assert sender.post(TRACES, body).status == 200
    assert sender.post(TRACES, body).status == 200


def test_what_rows_take_until_they_are_stored_counts_against_the_budget(sender: Sender, settings: Any) -> None:
    body = payloads.traces([span(number + 1) for number in range(20)])
    settings.INGEST_MAX_IN_FLIGHT = len(body) + 19 * intake.ROW_BYTES
    assert (sender.post(TRACES, body).status, stored(sender)) == (503, 0)
    settings.INGEST_MAX_IN_FLIGHT = len(body) + 20 * intake.ROW_BYTES
    assert (sender.post(TRACES, body).status, stored(sender)) == (200, 20)
    assert intake.budget.used == 0


def test_bytes_that_were_unfolded_count_against_the_budget(sender: Sender, settings: Any) -> None:
    squeezed = gzip.compress(payloads.traces([span(1, note="x" * 50_000)]))
    settings.INGEST_MAX_IN_FLIGHT = 40_000
    busy = sender.post(TRACES, squeezed, headers={"content-encoding": "gzip"})
    assert (busy.status, busy.headers["retry-after"], stored(sender)) == (503, "1", 0)
    settings.INGEST_MAX_IN_FLIGHT = 60_000
    assert sender.post(TRACES, squeezed, headers={"content-encoding": "gzip"}).status == 200
    assert intake.budget.used == 0


class Stalled:
    """A request whose body never comes; `asked` is set once the application waits for it."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.asked = asyncio.Event()
        self.status = 0
        self._scope = {
            "type": "http", "method": "POST", "path": TRACES, "query_string": b"", "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip

    async def run(self) -> None:
        async def receive() -> dict[str, Any]:
            self.asked.set()
            await asyncio.Event().wait()
            raise AssertionError("never")

        async def send(message: Any) -> None:
            self.status = message.get("status", self.status)

        await otlp.application(self._scope, receive, send)


def stalled_headers(settings: Any, **more: str) -> dict[str, str]:
    return {
        "content-type": PROTOBUF,
        "content-length": str(settings.OTLP_MAX_COMPRESSED),
        "content-encoding": "gzip",
    } | more


def test_strangers_are_turned_away_before_their_body_is_awaited(sender: Sender, settings: Any) -> None:
    async def knock() -> list[Stalled]:
        strangers = [Stalled(stalled_headers(settings)) for _ in range(5)]
        async with asyncio.timeout(10):
            await asyncio.gather(*(one.run() for one in strangers))
        return strangers

    strangers = asyncio.run(knock())
    assert [(one.status, one.asked.is_set()) for one in strangers] == [(401, False)] * 5


def test_a_flood_of_unknown_keys_is_bounded(sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MOST_UNKNOWN", 3)

    async def knock() -> list[int]:
        wrong = [Stalled(stalled_headers(settings, authorization=f"Bearer hr_{n}")) for n in range(20)]
        async with asyncio.timeout(10):
            await asyncio.gather(*(one.run() for one in wrong))
        return sorted(one.status for one in wrong)

    assert asyncio.run(knock()) == [401] * 3 + [503] * 17
    assert sender.post(TRACES, payloads.traces([span(1)])).status == 200


def test_a_key_that_was_good_is_asked_about_before_strangers(
    sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_keys, "life_seconds", 0.0)
    known_keys.connected()
    try:
        assert sender.post(TRACES, payloads.traces([span(1)])).status == 200
        monkeypatch.setattr(intake, "MOST_UNKNOWN", 0)
        assert sender.post(TRACES, payloads.traces([span(2)])).status == 200
        stranger = Stalled(stalled_headers(settings, authorization="Bearer hr_nobody"))
        asyncio.run(stranger.run())
    finally:
        known_keys.lost()
    assert stranger.status == 503


def test_bodies_that_never_come_hold_no_budget_and_end_as_a_408(
    sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "READ_SECONDS", 2.0)
    body = payloads.traces([span(1)])
    sent = {"content-type": PROTOBUF, "authorization": f"Bearer {sender.key}"}

    async def knock() -> tuple[list[Stalled], Reply]:
        late = [Stalled(stalled_headers(settings, authorization=sent["authorization"])) for _ in range(5)]
        waiting = [asyncio.create_task(one.run()) for one in late]
        for one in late:
            await one.asked.wait()
        reply = await call(TRACES, body, headers=sent)
        await asyncio.gather(*waiting)
        return late, reply

    late, reply = asyncio.run(knock())
    assert reply.status == 200
    assert [one.status for one in late] == [408] * 5
    assert intake.budget.used == 0


def test_a_client_that_goes_away_stores_nothing(sender: Sender) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": TRACES, "query_string": b"",
        "headers": [(b"content-type", PROTOBUF.encode()), (b"authorization", sender.key.encode())], "client": None,
    }  # fmt: skip
    used = intake.budget.used
    asyncio.run(otlp.application(scope, receive, send))
    assert (sent, intake.budget.used) == ([], used)
