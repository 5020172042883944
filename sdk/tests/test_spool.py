"""Nothing that an agent reported is lost while the server is away, within the space it was given."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faces import QUICK
from loopback import KEY, Fault, Loopback

from handrail import AsyncHandrail, Handrail, RetryPolicy, Spool
from handrail.spool import Courier
from handrail.wire import Request, Response, Server, TransportFailure

IMPATIENT = RetryPolicy(base_seconds=0.001, cap_seconds=0.01, patience_seconds=0.05)


def call(number: int, size: int = 10) -> Request:
    return Request("POST", f"/v1/traces?n={number}", {"Content-Type": "application/json"}, b"x" * size)


class Line:
    """A way to the server, up or down."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.up_to = 1000
        self.status = 200

    def __call__(self, request: Request) -> Response | TransportFailure:
        if len(self.sent) >= self.up_to:
            return TransportFailure("down")
        self.sent.append(request.path.rpartition("=")[2])
        return Response(self.status, {})


def test_calls_are_made_in_order_and_go_on_where_they_broke_off(tmp_path: Path) -> None:
    spool, line = Spool(tmp_path), Line()
    for number in range(5):
        spool.add(call(number))
    line.up_to = 2
    assert not spool.drain(line)
    assert len(spool) == 3
    line.up_to = 1000
    assert Spool(tmp_path).drain(line)
    assert line.sent == ["0", "1", "2", "3", "4"]


def test_the_oldest_are_dropped_and_counted_when_the_space_is_used_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spool, line = Spool(tmp_path, max_bytes=1000), Line()
    for number in range(10):
        spool.add(call(number, size=200))
    spool.add(call(10, size=2000))
    assert sum(path.stat().st_size for path in tmp_path.glob("*.call")) <= 1000
    assert spool.drain(line)
    assert line.sent == ["7", "8", "9"]
    assert Spool(tmp_path).dropped == 8
    assert "8 calls dropped" in caplog.text


def test_half_a_file_is_no_call_and_stops_nobody(tmp_path: Path) -> None:
    spool, line = Spool(tmp_path), Line()
    (tmp_path / "00000000000000000001-1.call").write_bytes(b'{"method": "PO')
    (tmp_path / "00000000000000000002-1.call.77.new").write_bytes(b"not renamed: it was never promised")
    spool.add(call(1))
    assert spool.drain(line)
    assert line.sent == ["1"]


@pytest.mark.parametrize(("status", "left"), [(400, 0), (413, 0), (401, 2), (403, 2), (503, 2), (429, 2)])
def test_a_refusal_for_good_drops_one_and_a_refused_key_drops_none(tmp_path: Path, status: int, left: int) -> None:
    spool, line = Spool(tmp_path), Line()
    line.status = status
    for number in range(2):
        spool.add(call(number))
    spool.drain(line)
    assert len(spool) == left


def test_only_one_empties_a_folder_at_a_time(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(call(1))
    nested: list[bool] = []

    def send(request: Request) -> Response:
        nested.append(Spool(tmp_path).drain(Line()))
        return Response(200, {})

    assert spool.drain(send)
    assert nested == [False]


def test_the_key_is_not_written_down(tmp_path: Path, server: Loopback) -> None:
    with Handrail(server.url, KEY, retry=IMPATIENT, spool=Spool(tmp_path)) as client:
        server.stop()
        client.record_outcome("some-id", "succeeded")
    (kept,) = tmp_path.glob("*.call")
    assert KEY.encode() not in kept.read_bytes()


@pytest.mark.parametrize("kind", ["blocking", "awaiting"])
async def test_an_outcome_is_kept_while_the_server_is_away_and_arrives_when_it_is_back(
    server: Loopback, tmp_path: Path, kind: str
) -> None:
    with server.changed:
        approval = server.create({"action": "refund"})["id"]
    server.decide(approval, "approve")
    server.stop()
    spool = Spool(tmp_path)
    if kind == "blocking":
        with Handrail(server.url, KEY, retry=IMPATIENT, spool=spool) as client:
            client.record_outcome(approval, "failed", {"why": "gateway"})
            server.start()
            server.until(lambda: server.approvals[approval]["outcome"])
    else:
        async with AsyncHandrail(server.url, KEY, retry=IMPATIENT, spool=spool) as waiting:
            await waiting.record_outcome(approval, "failed", {"why": "gateway"})
            server.start()
            server.until(lambda: server.approvals[approval]["outcome"])
    assert server.approvals[approval]["outcome"] == {"status": "failed", "detail": {"why": "gateway"}}
    keys = {
        seen.headers["idempotency-key"] for seen in server.requests("POST", f"/api/v1/approvals/{approval}/outcome")
    }
    assert len(keys) == 1


def test_what_comes_later_waits_behind_what_is_spooled(server: Loopback, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    courier = Courier(Server(server.url, KEY), spool, QUICK)
    server.faults.extend([Fault(503, {"Retry-After": "0"}), Fault(503)])
    for number in range(20):
        courier.deliver(call(number))
    assert courier.flush(10.0)
    courier.close()
    # The tries that failed are seen too; what arrived is what counts.
    seen = [each.query["n"][0] for each in server.seen]
    assert list(dict.fromkeys(seen)) == [str(number) for number in range(20)]


WRITER = """
import sys, itertools
from handrail import Spool
from handrail.wire import Request
spool = Spool(sys.argv[1])
for number in itertools.count():
    spool.add(Request("POST", f"/v1/traces?n={number}", {}, b"y" * 5000))
    print(number, flush=True)
"""


def test_what_was_kept_survives_kill_minus_nine(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    promised = [writer.stdout.readline() for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    promised += writer.stdout.readlines()
    writer.communicate()
    line = Line()
    assert Spool(tmp_path).drain(line)
    whole = [each.strip() for each in promised if each.endswith("\n")]
    assert line.sent[: len(whole)] == whole
    assert len(line.sent) - len(whole) in (0, 1)


def test_a_next_process_delivers_what_the_last_one_left(server: Loopback, tmp_path: Path) -> None:
    Spool(tmp_path).add(call(7))
    courier = Courier(Server(server.url, KEY), Spool(tmp_path), QUICK)
    server.until(lambda: server.requests("POST", "/v1/traces"))
    assert courier.flush(10.0)
    courier.close()


def test_keeping_a_call_takes_milliseconds(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    began = time.process_time()
    for number in range(200):
        spool.add(call(number, size=1000))
    assert (time.process_time() - began) / 200 < 0.02
