"""Keys are known for a moment, and forgotten at once everywhere when somebody changes them."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import grpc
import httpx
import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection
from psycopg.conninfo import make_conninfo
from pytest_django import DjangoAssertNumQueries, Settings

from agents.authentication import Caller, caller_at_once, caller_from_headers
from agents.known_keys import KnownKeys, known_keys
from agents.models import ApiKey, User
from agents.services import keys, projects
from console.lib import clock, remembered, valkey
from console.lib.embedded import free_port
from console.lib.http import Problem
from console.lib.notices import APPLICATION_NAME, listener
from tests.agents.conftest import NOON, MakeKey
from tests.waiting import eventually

HERE = "127.0.0.1"


def test_nothing_is_remembered_while_changes_may_be_missed() -> None:
    known, key = KnownKeys(), ApiKey(name="bot")
    known.keep(b"h", key, edition=known.edition)
    assert known.find(b"h") is None
    known.connected()
    known.keep(b"h", key, edition=known.edition)
    assert known.find(b"h") is key
    known.lost()
    assert known.find(b"h") is None


def test_a_key_read_before_a_change_is_not_remembered_after_it() -> None:
    known, key = KnownKeys(), ApiKey(name="bot")
    known.connected()
    before = known.edition
    known.heard([""])
    known.keep(b"h", key, edition=before)
    assert known.find(b"h") is None


def test_a_key_is_remembered_for_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    known, key, now = KnownKeys(), ApiKey(name="bot"), 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    known.connected()
    known.keep(b"h", key, edition=known.edition)
    now = 104.9
    assert known.find(b"h") is key
    now = 105.0
    assert known.find(b"h") is None


def test_memory_for_keys_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MOST", 3)
    known = KnownKeys()
    known.connected()
    for number in range(10):
        known.keep(bytes([number]), ApiKey(name="bot"), edition=known.edition)
    assert len(known._known) <= 3


@pytest.fixture
def listening(transactional_db: None, settings: Settings) -> Iterator[None]:
    """This process hears of changes, as a web process does."""
    name = str(connection.settings_dict["NAME"])
    settings.DATABASE_DIRECT_URL = make_conninfo(django_settings.DATABASE_DIRECT_URL, dbname=name)
    listener.start()
    eventually(lambda: known_keys._listening)
    yield
    listener.stop()


def known(secret: str) -> Caller | None:
    """The caller, if known without asking anybody."""
    return caller_at_once({"x-api-key": secret}, HERE, NOON)


def met(secret: str) -> Caller:
    """The caller, who is known from now on."""
    caller = caller_from_headers({"x-api-key": secret}, HERE, NOON)
    assert caller is not None
    assert known(secret) == caller
    return caller


def test_a_known_key_asks_neither_the_database_nor_valkey(
    listening: None, key: MakeKey, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = key().secret
    assert known(secret) is None
    caller = met(secret)
    monkeypatch.setattr(valkey, "attempt", None)
    with django_assert_num_queries(0):
        again = caller_from_headers({"authorization": f"Bearer {secret}"}, HERE, NOON)
    assert again == caller
    assert again is not None
    assert again.key is not None
    assert again.key.project.slug == "alpha"


CHANGES: dict[str, Callable[[ApiKey, User], object]] = {
    "revoked": lambda key, by: keys.revoke(key=key, by=by, now=NOON),
    "rotated": lambda key, by: keys.rotate(key=key, overlap=timedelta(0), by=by, now=NOON),
    "archived": lambda key, by: projects.archive(project=key.project, by=by, now=NOON),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_heard_of_within_a_second(listening: None, key: MakeKey, admin: User, change: str) -> None:
    issued = key()
    met(issued.secret)
    CHANGES[change](issued.key, admin)
    eventually(lambda: known(issued.secret) is None, timeout=1.0)
    with pytest.raises(Problem) as refusal:
        caller_from_headers({"x-api-key": issued.secret}, HERE, NOON)
    assert refusal.value.status == 401


def test_the_expiry_and_the_network_are_checked_every_time(listening: None, key: MakeKey) -> None:
    issued = key(expires_at=NOON + timedelta(seconds=30), allowed_networks=["127.0.0.0/8"])
    met(issued.secret)
    headers = {"x-api-key": issued.secret}
    assert caller_at_once(headers, "10.0.0.1", NOON) is None
    assert caller_at_once(headers, "::ffff:127.0.0.1", NOON) is not None
    for address, late in [("10.0.0.1", 0), (HERE, 30)]:
        with pytest.raises(Problem) as refusal:
            caller_from_headers(headers, address, NOON + timedelta(seconds=late))
        assert refusal.value.status == 401


def test_a_known_keys_last_use_is_kept_to_the_minute(listening: None, key: MakeKey) -> None:
    issued = key()
    met(issued.secret)
    later = NOON + timedelta(minutes=2)
    assert caller_at_once({"x-api-key": issued.secret}, HERE, later) is None
    caller_from_headers({"x-api-key": issued.secret}, HERE, later)
    assert ApiKey.objects.get().last_used_at == later
    assert caller_at_once({"x-api-key": issued.secret}, HERE, later) is not None


def test_a_listener_that_is_cut_off_forgets_and_comes_back(listening: None, key: MakeKey) -> None:
    issued = key()
    met(issued.secret)
    edition = known_keys.edition
    with psycopg.connect(django_settings.DATABASE_DIRECT_URL, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )
    eventually(lambda: known_keys.edition > edition)
    assert known(issued.secret) is None
    eventually(lambda: known_keys._listening)
    met(issued.secret)


def test_the_limit_holds_for_known_keys(listening: None, key: MakeKey, settings: Settings) -> None:
    settings.RATE_LIMIT_PER_KEY = 100
    secret = key().secret
    met(secret)  # asks twice
    for _ in range(998):
        caller_from_headers({"x-api-key": secret}, HERE, NOON)
    for ask in (caller_from_headers, caller_at_once):
        with pytest.raises(Problem) as refusal:
            ask({"x-api-key": secret}, HERE, NOON)
        assert refusal.value.status == 429


Knock = Callable[[str], bool]


def over_http(port: int) -> Knock:
    def knock(secret: str) -> bool:
        headers = {"x-api-key": secret, "content-type": "application/x-protobuf"}
        status = httpx.post(f"http://127.0.0.1:{port}/v1/traces", headers=headers, timeout=30).status_code
        assert status in {200, 401}
        return status == 200

    return knock


def over_grpc(port: int) -> Knock:
    def knock(secret: str) -> bool:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            export: Any = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            try:
                export(b"", metadata=(("x-api-key", secret),), timeout=30)
            except grpc.RpcError as error:
                if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                    return False
                raise
            return True

    return knock


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def doors(listening: None) -> Iterator[list[Knock]]:
    """Two web processes and one for gRPC on the database of the test; each says whether it lets a key in."""
    ports = [free_port() for _ in range(3)]
    environment = {
        **os.environ,
        "DATABASE_URL": django_settings.DATABASE_DIRECT_URL,
        "DATABASE_DIRECT_URL": django_settings.DATABASE_DIRECT_URL,
        "OTLP_GRPC_PORT": str(ports[2]),
    }
    web = [sys.executable, "-m", "uvicorn", "console.asgi:application", "--lifespan", "on", "--port"]
    commands = [[*web, str(ports[0])], [*web, str(ports[1])], [sys.executable, "manage.py", "otlp"]]
    started = [subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=environment) for command in commands]
    for port in ports:
        eventually(lambda port=port: is_open(port), timeout=60)  # type: ignore[misc]
    yield [over_http(ports[0]), over_http(ports[1]), over_grpc(ports[2])]
    for process in started:
        process.terminate()
    for process in started:
        process.wait(20)


def test_a_revoked_key_is_refused_in_every_process_within_a_second(
    doors: list[Knock], key: MakeKey, admin: User
) -> None:
    issued = key()
    for _ in range(5):
        assert all(knock(issued.secret) for knock in doors)
    keys.revoke(key=issued.key, by=admin, now=clock.now())
    revoked = time.monotonic()
    for knock in doors:
        eventually(lambda knock=knock: not knock(issued.secret), timeout=1.0)  # type: ignore[misc]
    assert time.monotonic() - revoked < 1.0
