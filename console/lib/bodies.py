"""A ceiling for request bodies in front of Django, which spools whatever comes before it looks at anything."""

from typing import Any

import orjson

from console.lib.http import PROBLEM_TYPE, Problem


class BodyTooLarge(Exception):
    """More bytes arrived than are allowed."""


class BodyLimit:
    """ASGI wrapper: answers 413 to a body of more than `limit` bytes, also to one that does not say its length."""

    def __init__(self, app: Any, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:19]) > self._limit:
            await self._refuse(send)
            return
        total = 0
        started = False

        async def counting_receive() -> Any:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._limit:
                raise BodyTooLarge
            return message

        async def noting_send(message: Any) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counting_receive, noting_send)
        except BodyTooLarge:
            if not started:
                await self._refuse(send)

    async def _refuse(self, send: Any) -> None:
        problem = Problem(413, f"The body is larger than {self._limit} bytes.")
        headers = [(b"content-type", PROBLEM_TYPE.encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": orjson.dumps(problem.document())})
