"""One PostgreSQL and one Valkey for the whole run; every xdist worker gets a database of its own in both.

A plugin (`-p tests.plugin`) and not a conftest: the servers must run before pytest-django reads the settings.
"""

import os
from collections.abc import Generator

import pytest

from tests.servers import TestServers


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
