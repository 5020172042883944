"""The door of OTLP over HTTP: addresses, content types, encodings, keys, limits."""

import base64
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from django.db import OperationalError

from agents.permissions import Scope
from metrics.api import intake, otlp
from metrics.ingest import pipeline
from metrics.models import Log
from tests.metrics.ingest import payloads
from tests.metrics.ingest.conftest import Sender
from tests.metrics.ingest.payloads import span
from tests.metrics.ingest.test_http import TRACES, json_span, status_of, stored


@pytest.mark.parametrize("path", [TRACES, "/api/public/otel/v1/traces", "/v1/traces/"])
def test_spans_are_stored_on_every_address(sender: Sender, path: str) -> None:
    assert otlp.handles(path)
    assert sender.post(path, payloads.traces([span(1)])).status == 200
    assert stored(sender) == 1


SQUEEZE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress,
}  # fmt: skip


@pytest.mark.parametrize("encoding", SQUEEZE)
@pytest.mark.parametrize("content_type", ["application/x-protobuf", "application/json"])
def test_bodies_may_be_compressed(sender: Sender, encoding: str, content_type: str) -> None:
    body = json_span() if content_type == "application/json" else payloads.traces([span(1)])
    reply = sender.post(
        TRACES, SQUEEZE[encoding](body), content_type=content_type, headers={"content-encoding": encoding}
    )
    assert (reply.status, stored(sender)) == (200, 1)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("application/x-protobuf", "application/x-protobuf"),
        ("Application/X-Protobuf; charset=utf-8", "application/x-protobuf"),
        ("application/protobuf", "application/protobuf"),
        ('application/x-protobuf;messageType="x"', "application/x-protobuf"),
    ],
)
def test_protobuf_goes_by_two_names_and_with_parameters(sender: Sender, sent: str, answered: str) -> None:
    for body, status in [(payloads.traces([span(1)]), 200), (b"\xff", 400)]:
        reply = sender.post(TRACES, body, content_type=sent)
        assert (reply.status, reply.headers["content-type"]) == (status, answered)


def test_json_may_say_its_charset(sender: Sender) -> None:
    reply = sender.post(TRACES, json_span(), content_type="application/json; charset=utf-8")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize("prefix", ["", "/api/public/otel"])
def test_every_signal_has_its_address(sender: Sender, prefix: str) -> None:
    for signal, body in [
        ("traces", payloads.traces([span(1)])),
        ("logs", payloads.logs([("", "x")])),
        ("metrics", b""),
    ]:
        assert sender.post(f"{prefix}/v1/{signal}", body).status == 200
    assert (stored(sender), Log.objects.filter(project_id=sender.project.pk).count()) == (1, 1)


def test_get_is_a_405_and_other_content_a_415(sender: Sender) -> None:
    assert sender.post(TRACES, b"", method="GET").headers["allow"] == "POST"
    assert sender.post(TRACES, b"", method="GET").status == 405
    assert sender.post(TRACES, b"hi", content_type="text/plain").status == 415
    assert sender.post(TRACES, b"hi", headers={"content-encoding": "br"}).status == 415


def test_damaged_compression_is_a_400(sender: Sender) -> None:
    whole = gzip.compress(payloads.traces([span(1)]))
    for body in (whole[:-9], b"\x1f\x8bnonsense"):
        assert sender.post(TRACES, body, headers={"content-encoding": "gzip"}).status == 400


def test_a_compression_bomb_is_a_413(sender: Sender, settings: Any) -> None:
    settings.OTLP_MAX_BODY = 1_000_000
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    reply = sender.post(TRACES, bomb, headers={"content-encoding": "gzip"})
    assert (reply.status, status_of(reply).code) == (413, 8)


def test_a_body_over_the_limit_is_a_413_with_and_without_a_declared_length(sender: Sender, settings: Any) -> None:
    settings.OTLP_MAX_COMPRESSED = 1_000
    assert sender.post(TRACES, bytes(1_001)).status == 413
    assert sender.post(TRACES, bytes(1_001), headers={"content-length": ""}).status == 413


def test_credentials_decide_who_may_write(sender: Sender, new_sender: Callable[..., Sender]) -> None:
    body = payloads.traces([span(1)])
    assert sender.post(TRACES, body, headers={"authorization": ""}).status == 401
    wrong = sender.post(TRACES, body, headers={"authorization": "Bearer hr_wrong"})
    assert (wrong.status, status_of(wrong).code) == (401, 16)
    reader = new_sender("reader", scopes=(Scope.TELEMETRY_READ,))
    refused = reader.post(TRACES, body)
    assert (refused.status, status_of(refused).code) == (403, 7)
    assert "telemetry:write" in status_of(refused).message
    assert stored(sender) == stored(reader) == 0


@pytest.mark.parametrize(
    "form",
    [
        {"authorization": "Bearer {}"},
        {"authorization": "bearer {}"},
        {"authorization": "{}"},
        {"authorization": "Basic"},
        {"authorization": "", "x-api-key": "{}"},
        {"authorization": "", "api_key": "{}"},
    ],
)
def test_every_form_of_credentials_works(sender: Sender, form: dict[str, str]) -> None:
    basic = "Basic " + base64.b64encode(f"pk-lf-public:{sender.key}".encode()).decode()
    headers = {name: basic if value == "Basic" else value.format(sender.key) for name, value in form.items()}
    assert sender.post(TRACES, payloads.traces([span(1)]), headers=headers).status == 200


def test_too_many_requests_are_a_429_with_when_to_come_back(sender: Sender, settings: Any) -> None:
    settings.RATE_LIMIT_PER_KEY = 1
    replies = [sender.post(TRACES, payloads.traces([span(1)])) for _ in range(11)]
    assert [reply.status for reply in replies] == [200] * 10 + [429]
    assert status_of(replies[-1]).code == 8
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 10
    assert replies[-1].headers["ratelimit-policy"] == '"default";q=10;w=10'


def test_when_the_database_is_away_the_sender_is_told_to_come_back(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the server closed the connection unexpectedly")

    monkeypatch.setattr(pipeline, "submit_spans", away)
    reply = sender.post(TRACES, payloads.traces([span(1)]))
    assert (reply.status, reply.headers["retry-after"], status_of(reply).code) == (503, "5", 14)


def test_a_busy_process_asks_one_connection_now_and_then_to_come_again(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_moves", otlp.Moves())
    body = payloads.traces([span(1)])
    assert "connection" not in sender.post("/v1/traces", body).headers
    monkeypatch.setattr(intake, "at_hand", lambda: otlp.MANY_AT_HAND)
    assert sender.post("/v1/traces", body).headers["connection"] == "close"
    assert "connection" not in sender.post("/v1/traces", body).headers
