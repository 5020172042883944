"""The cache and the limits go on, per process, while Valkey does not answer."""

import socket
import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from console.lib import ratelimit, valkey
from console.lib.cache import FallbackCache


@pytest.fixture
def silent_valkey(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that takes connections and never says a word, as a stopped one does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.VALKEY_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        monkeypatch.setattr(valkey, "_client", None)
        monkeypatch.setattr(valkey, "_paused_until", 0.0)
        yield settings.VALKEY_URL


def test_values_are_kept_in_the_process_meanwhile(silent_valkey: str) -> None:
    cache = FallbackCache(silent_valkey, {"OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1}})
    cache.set("tries", 1)
    assert cache.incr("tries") == 2
    assert cache.get("tries") == 2


def test_only_the_first_caller_of_a_second_pays_the_wait(silent_valkey: str) -> None:
    valkey.attempt(lambda client: client.ping())
    began = time.monotonic()
    for _ in range(50):
        assert valkey.attempt(lambda client: client.ping()) is None
    assert time.monotonic() - began < valkey.TIMEOUT_SECONDS


def test_limits_are_counted_in_the_process_meanwhile(silent_valkey: str) -> None:
    verdicts = [ratelimit.check("someone", limit=1, now=1_000.0) for _ in range(11)]
    assert [verdict.allowed for verdict in verdicts] == [True] * 10 + [False]
    assert verdicts[-1].headers()["Retry-After"] == "10"
