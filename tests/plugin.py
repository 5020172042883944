"""One PostgreSQL and one Valkey for the whole run; every xdist worker gets a database of its own in both.

A plugin (`-p tests.plugin`) and not a conftest: the servers must run before pytest-django reads the settings.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings

from tests.servers import TestServers

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Starts the servers before pytest-django reads the settings; xdist workers inherit their addresses."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker:
        # Rate limits and caches of one worker must not meet another's.
        address = os.environ["VALKEY_URL"].rpartition("/")[0]
        os.environ["VALKEY_URL"] = f"{address}/{int(worker.removeprefix('gw')) + 1}"
        return (yield)
    servers = TestServers()
    servers.start()
    early_config.add_cleanup(servers.stop)
    return (yield)


def pytest_configure() -> None:
    """Each new test client makes the middleware anew: WhiteNoise is not to walk all static files each time."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Groups of our own for `--dist loadgroup`."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.scheduling import Dealing  # where no xdist is, nobody calls this

    return Dealing(config, log)
