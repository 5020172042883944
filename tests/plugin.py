"""PostgreSQL and Valkey for the tests, and what all of them share.

A plugin (`-p tests.plugin`) and not a conftest: the servers must run before pytest-django reads the settings.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import psutil
import pytest
from django.conf import settings

from console.lib import embedded
from tests import prepared
from tests.servers import TestServers

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Starts the servers before pytest-django reads the settings. With xdist every worker has its own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    deals = not worker and bool(getattr(early_config.known_args_namespace, "numprocesses", None))
    signal.signal(signal.SIGTERM, partial(_leave, deals))
    if not worker:
        prepared.make()
    if not deals:
        servers = TestServers()
        servers.start()
        early_config.add_cleanup(servers.stop)
    return (yield)


def _leave(deals: bool, number: int, frame: FrameType | None) -> None:
    """Whoever is asked to stop leaves as with Ctrl-C, which workers hear too: servers and folders go with them."""
    for worker in psutil.Process().children() if deals else ():
        worker.terminate()
    signal.default_int_handler(number, frame)


def pytest_configure() -> None:
    """Settings that only tests have."""
    # Each new test client makes the middleware anew: WhiteNoise is not to walk all static files each time.
    settings.WHITENOISE_AUTOREFRESH = True
    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = embedded.DATABASE


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order in which tests are dealt out to workers; which of them get a second try."""
    from tests.scheduling import shares_a_server, turn

    for item in items:
        if shares_a_server(item):
            # Whole processes and a browser, on a machine that may stand still for seconds. Whoever needs the second try
            # is named in the summary (-ra).
            item.add_marker(pytest.mark.flaky(reruns=1))
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Groups of our own for `--dist loadgroup`."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.scheduling import Dealing  # where no xdist is, nobody calls this

    return Dealing(config, log)
