"""One PostgreSQL and one Valkey for the whole run; every xdist worker gets a database of its own.

A plugin (`-p tests.plugin`) and not a conftest: the servers must run before pytest-django reads the settings.
"""

import os
from collections.abc import Generator

import pytest

from tests.servers import TestServers

@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Starts the servers before pytest-django reads the settings; xdist workers inherit their addresses."""
    if "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("HANDRAIL_TEST_SERVERS"):
        return (yield)
    servers = TestServers()
    servers.start()
    os.environ["HANDRAIL_TEST_SERVERS"] = "1"
    early_config.add_cleanup(servers.stop)
    return (yield)
