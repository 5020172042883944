"""/mcp message by message: who is let in, what is no message, and what is too much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import OperationalError
from django.test import Client as DjangoClient
from mcp.shared.exceptions import MCPError

from agents.authentication import Caller
from agents.models import Project
from tests.reviews.mcp.speaking import connected, message, plain_headers, post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("database_threads", "listening")]

Json = dict[str, Any]


async def test_who_has_no_good_key_is_refused(address: str, secret: str, project: Project) -> None:
    assert (await post(address, "hr_nobody")).status_code == 401
    refused = await post(address, "", authorization="")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer realm="handrail"')
    assert (await post(address, secret)).json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    with pytest.raises(ExceptionGroup) as nobody:
        async with connected(address, "hr_nobody", "legacy"):
            pass
    assert nobody.group_contains(MCPError)


async def test_a_signed_in_browser_is_nobody_here(address: str, ana: Caller) -> None:
    assert ana.user is not None
    browser = DjangoClient()
    await sync_to_async(browser.force_login)(ana.user, backend="django.contrib.auth.backends.ModelBackend")
    name = django_settings.SESSION_COOKIE_NAME
    cookie = f"{name}={browser.cookies[name].value}"
    assert (await post(address, "", authorization="", cookie=cookie)).status_code == 401


async def test_pages_of_other_origins_are_refused(address: str, secret: str) -> None:
    own = address.removesuffix("/mcp")
    assert (await post(address, secret, origin=own)).status_code == 200
    for origin in ("https://evil.example", "null", f"{own}.evil.example", own.replace("http:", "https:")):
        assert (await post(address, secret, origin=origin)).status_code == 403, origin


async def test_only_post_is_served(address: str, secret: str) -> None:
    async with httpx2.AsyncClient() as http:
        for method in ("GET", "DELETE", "OPTIONS", "PUT"):
            answer = await http.request(method, address, headers=plain_headers(secret))
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST"), method


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, -32700),
        (b"[]", {}, 400, -32600),
        ([message("ping")], {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, {}, 400, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, {}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}, {}, 400, -32600),
        (message("ping"), {"mcp_protocol_version": "1999-01-01"}, 400, -32022),
        (message("tools/list"), {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/list"}, 400, -32602),
        (message("nothing"), {"mcp_protocol_version": "2025-11-25"}, 200, -32601),
        (message("tools/call", name=3), {}, 200, -32602),
        (message("tools/call", name="check_budget", arguments=[]), {}, 200, -32602),
        (message("initialize"), {}, 200, -32602),
    ],
)
async def test_what_is_no_message_is_an_error(
    address: str, secret: str, body: Any, headers: dict[str, str], status: int, code: int
) -> None:
    answer = await post(address, secret, body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"mcp_protocol_version": "2025-11-25", "mcp_method": "tools/call", "mcp_name": "check_budget"}, -32020),
        ({"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/list", "mcp_name": "check_budget"}, -32020),
        ({"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "request_approval"}, -32020),
        ({"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "check_budget"}, None),
    ],
)
async def test_headers_say_what_the_body_says(
    address: str, secret: str, headers: dict[str, str], code: int | None
) -> None:
    call = message("tools/call", name="check_budget", arguments={}, _meta=META)
    answer = await post(address, secret, call, **headers)
    assert answer.json().get("error", {}).get("code") == code
    assert answer.status_code == (400 if code else 200)


async def test_what_wants_no_answer_gets_none(address: str, secret: str) -> None:
    answer = await post(address, secret, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    assert (answer.status_code, answer.content) == (202, b"")


async def test_bodies_are_bounded_and_are_json(address: str, secret: str) -> None:
    large = b'{"jsonrpc": "2.0", "id": 1, "method": "' + b"x" * 2**20 + b'"}'
    assert (await post(address, secret, large)).status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 2**16

    async with httpx2.AsyncClient() as http:
        headers = {"content-type": "application/json", **plain_headers(secret)}
        assert (await http.post(address, content=pieces(), headers=headers)).status_code == 413
    assert (await post(address, secret, content_type="text/plain")).status_code == 415
    assert (await post(address, secret, accept="text/html")).status_code == 406


async def test_a_database_that_is_away_is_an_error_in_words(
    address: str, secret: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("metrics.api.budgets.check", away)
    answer = await post(address, secret, message("tools/call", name="check_budget"))
    assert answer.json()["error"]["code"] == -32603
    assert "does not answer" in answer.json()["error"]["message"]
