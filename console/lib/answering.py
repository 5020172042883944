"""How web processes take connections, and how they write answers, where uvicorn leaves a choice.

Connections: uvicorn's workers share one socket, and whoever is awake takes what has come; of five hundred that come at
once that was up to two thirds, and then the last answers wait for one worker while the other has nothing to do. Here
each listens for itself on the same port, and the kernel deals connections out by their addresses.

Answers: uvicorn writes the head as soon as it has it and the body after it. To the kernel these are two packets, and to
whoever reads them two calls. Here they go together, as ASGI has it anyway: a server sends nothing of an answer before
it has some of its body.
"""

import socket
import sys
from collections.abc import Callable
from typing import Any

import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONTINUE = b"HTTP/1.1 100 "
JOINED_BYTES = 65_536
"""Up to here it is cheaper to copy a body than to hand it to the kernel as a second piece."""


class Loop(uvloop.Loop):
    """uvloop's, but for how it listens: `--loop console.lib.answering:Loop`."""

    async def create_server(
        self, protocol_factory: Callable[[], Any], *where: Any, sock: socket.socket | None = None, **options: Any
    ) -> Any:
        """As everywhere; of a socket that others have as well only the address is taken."""
        if sock is not None and sys.platform == "linux":  # others do not deal out what comes
            sock = beside(sock)
        return await super().create_server(protocol_factory, *where, sock=sock, **options)


def beside(reserved: socket.socket) -> socket.socket:
    """A socket of this process's own with the address of one that nobody listens on."""
    if reserved.family not in (socket.AF_INET, socket.AF_INET6):
        return reserved
    own = socket.socket(reserved.family)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for one in (reserved, own):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.bind(reserved.getsockname())
    return own


class Protocol(HttpToolsProtocol):
    """uvicorn's, but for how it writes: `--http console.lib.answering:Protocol`."""

    def on_headers_complete(self) -> None:
        """A request has arrived, but for its body."""
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["method"] != "HEAD":  # whose answer has no body
            self.cycle.transport = HeadWithBody(self.transport)  # type: ignore[assignment]


class HeadWithBody:
    """The transport as one answer sees it: what is written first goes out with what is written next."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        """Sends, but for the head."""
        head, self._head = self._head, None
        if head is not None:
            self._send(head, data)
        elif self._begun or data.startswith(CONTINUE):
            self._transport.write(data)
        else:
            self._head, self._begun = data, True

    def close(self) -> None:
        """Ends the connection when all is sent."""
        if self._head is not None:
            self._transport.write(self._head)
            self._head = None
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return bool(self._transport.is_closing())

    def _send(self, head: bytes, body: bytes) -> None:
        if len(body) <= JOINED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])
