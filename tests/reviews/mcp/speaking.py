"""Speaking to /mcp: with the protocol's own client, and message by message."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

Json = dict[str, Any]


@asynccontextmanager
async def connected(address: str, secret: str, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    sent = {"authorization": f"Bearer {secret}", **headers}
    async with (
        httpx2.AsyncClient(headers=sent, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


async def told(client: Client, tool: str, **arguments: Any) -> Any:
    """What a tool returned, or the words of its error."""
    result: Any = await client.call_tool(tool, arguments)
    text = result.content[0].text
    if result.is_error:
        return text
    assert json.loads(text) == result.structured_content
    return result.structured_content


def message(method: str, **params: Any) -> Json:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def plain_headers(secret: str, **more: str) -> dict[str, str]:
    accept = {"accept": "application/json, text/event-stream"}
    return {"authorization": f"Bearer {secret}", **accept, **{name.replace("_", "-"): more[name] for name in more}}


async def post(address: str, secret: str, body: Any = None, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=60) as http:
        content = body if isinstance(body, bytes) else json.dumps(body or message("ping")).encode()
        sent = {"content-type": "application/json", **plain_headers(secret, **headers)}
        return await http.post(address, content=content, headers=sent)
