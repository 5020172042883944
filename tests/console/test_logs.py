"""Log lines tell what was asked, without what would let a reader in."""

import contextlib
import logging
from typing import Any

import pytest

from console.lib.logs import CLIENT_LEFT, RequestLog, loggable


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/invitations/s3cret-value/", "/invitations/…/"),
        ("/accounts/password/reset/key/1-abc-def/", "/accounts/password/reset/key/…/"),
        ("/p/shop/queue/", "/p/shop/queue/"),
    ],
)
def test_secrets_in_addresses_are_not_logged(path: str, shown: str) -> None:
    assert loggable(path) == shown


async def logged_status(app: Any, caplog: pytest.LogCaptureFixture) -> int:
    """The status that is logged of one request to `app`."""

    async def nothing(_message: Any = None) -> None:
        return None

    scope = {"type": "http", "method": "GET", "path": "/p/shop/", "headers": []}
    with caplog.at_level(logging.INFO, "handrail.request"), contextlib.suppress(ZeroDivisionError):
        await RequestLog(app)(scope, nothing, nothing)
    return int(caplog.records[-1].status)  # type: ignore[attr-defined]


async def test_an_answer_is_logged_with_its_status(caplog: pytest.LogCaptureFixture) -> None:
    async def answering(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    assert await logged_status(answering, caplog) == 204


async def test_a_fault_is_logged_as_one(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ZeroDivisionError

    assert await logged_status(failing, caplog) == 500


async def test_a_client_that_leaves_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def abandoned(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    assert await logged_status(abandoned, caplog) == CLIENT_LEFT


@pytest.mark.parametrize(("status", "lines"), [(200, 0), (429, 1)])
async def test_busy_paths_have_a_line_when_they_fail(caplog: pytest.LogCaptureFixture, status: int, lines: int) -> None:
    async def answering(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def nothing(_message: Any = None) -> None:
        return None

    scope = {"type": "http", "method": "POST", "path": "/v1/traces", "headers": []}
    with caplog.at_level(logging.INFO, "handrail.request"):
        await RequestLog(answering, busy=lambda path: path == "/v1/traces")(scope, nothing, nothing)
    assert len(caplog.records) == lines
