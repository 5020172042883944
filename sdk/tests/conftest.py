"""Fixtures: a server on a loopback port, and the clients."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faces import QUICK, Awaiting, Blocking, Face
from hypothesis import settings
from loopback import KEY, Loopback

from handrail import AsyncHandrail, Handrail, RetryPolicy

# The sample fleet is no installed package: it runs from its folder, and so do its tests.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))

# These import what only an environment of their own has: see test_beside.
collect_ignore = [] if os.environ.get("HANDRAIL_BESIDE") else ["beside"]

# How fast a busy machine runs an example says nothing about the code.
settings.register_profile("handrail-sdk", deadline=None)
settings.load_profile("handrail-sdk")


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as loopback:
        yield loopback


@pytest.fixture
def blocking(server: Loopback) -> Iterator[Handrail]:
    with Handrail(server.url, KEY, retry=QUICK) as client:
        yield client


@pytest.fixture
def make_face(request: pytest.FixtureRequest) -> Iterator[Callable[..., Face]]:
    """Makes a client of the wanted kind; all are closed at the end."""
    closers: list[Callable[[], object]] = []

    def make(kind: str, url: str, key: str = KEY, retry: RetryPolicy = QUICK) -> Face:
        if kind == "blocking":
            client = Handrail(url, key, retry=retry)
            closers.append(client.close)
            return Blocking(client)
        loop = asyncio.new_event_loop()
        awaiting = AsyncHandrail(url, key, retry=retry)
        closers.extend([loop.close, lambda: loop.run_until_complete(awaiting.close())])
        return Awaiting(awaiting, loop)

    yield make
    for close in reversed(closers):
        close()


@pytest.fixture(params=["blocking", "awaiting"])
def face(request: pytest.FixtureRequest, server: Loopback, make_face: Callable[..., Face]) -> Face:
    """Either client, connected to the server."""
    return make_face(request.param, server.url)


@pytest.fixture
def loop_of_run_sync(request: pytest.FixtureRequest) -> Iterator[None]:
    """Frameworks' `run_sync` makes a loop where there is none, and leaves it open."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()
