"""Answers leave in one piece where they can, arrive whole in any case, and workers share what comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from console.lib.answering import JOINED_BYTES, HeadWithBody, Protocol, beside
from tests.waiting import eventually

LARGE = b"x" * (4 * JOINED_BYTES)
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, some: list[bytes]) -> None:
        self.sent.append(some)

    def close(self) -> None:
        self.sent.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.sent


def written(*pieces: bytes, closed: bool = False) -> list[Any]:
    wire = Wire()
    transport = HeadWithBody(wire)
    for piece in pieces:
        transport.write(piece)
    if closed:
        transport.close()
        assert transport.is_closing()
    return wire.sent


def test_a_head_waits_for_the_first_of_its_body_and_nothing_after_it_waits() -> None:
    assert written(HEAD) == []
    assert written(HEAD, b"one") == [HEAD + b"one"]
    assert written(HEAD, b"one", b"two") == [HEAD + b"one", b"two"]
    assert written(HEAD, b"") == [HEAD]
    assert written(HEAD, LARGE) == [[HEAD, LARGE]]


def test_go_ahead_is_said_at_once_and_nothing_is_lost_at_the_end() -> None:
    go_ahead = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert written(go_ahead) == [go_ahead]
    assert written(go_ahead, HEAD, b"one") == [go_ahead, HEAD + b"one"]
    assert written(HEAD, closed=True) == [HEAD, "closed"]
    assert written(HEAD, b"one", closed=True) == [HEAD + b"one", "closed"]


async def app(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    start = {"type": "http.response.start", "status": 200, "headers": []}
    kind = scope["path"].strip("/")
    if kind == "empty":
        start = {**start, "status": 204}
    await send(start)
    if kind == "broken":
        raise RuntimeError("after the head")
    pieces = {"large": [LARGE], "stream": [b"one ", b"", b"two"], "echo": [body], "empty": [b""]}[kind]
    for number, piece in enumerate(pieces):
        await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces) - 1})


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, ws="none", http=Protocol)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_answers_of_all_sorts_arrive_whole_one_after_the_other(address: str) -> None:
    with httpx.Client(base_url=address, timeout=10) as client:
        for _round in range(2):
            assert client.get("/large").content == LARGE
            assert client.get("/stream").content == b"one two"
            assert client.post("/echo", content=LARGE).content == LARGE
            assert client.post("/echo", content=b"x", headers={"expect": "100-continue"}).content == b"x"
            assert (client.get("/empty").status_code, client.head("/stream").status_code) == (204, 200)


def test_an_answer_that_breaks_off_is_no_answer(address: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{address}/broken", timeout=10)


def test_each_worker_has_a_part_of_what_comes() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        workers = [beside(reserved) for _ in range(2)]
        for worker in workers:
            worker.listen(100)
            worker.settimeout(0)
        clients = [socket.create_connection(reserved.getsockname()) for _ in range(64)]
        shares = [taken(worker) for worker in workers]
        assert sum(shares) == 64
        assert min(shares) > 10
        for one in (*clients, *workers):
            one.close()


def taken(worker: socket.socket) -> int:
    """How many wait to be taken."""
    count = 0
    while True:
        try:
            worker.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_a_server_that_is_given_a_socket_listens_on_its_own_at_the_same_place() -> None:
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, ws="none", http=Protocol, loop="console.lib.answering:Loop"
    )
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [reserved]})
        thread.start()
        eventually(lambda: server.started)
        own = server.servers[0].sockets[0]
        assert own.getsockname() == reserved.getsockname()
        assert own.fileno() != reserved.fileno()
        assert httpx.get(f"http://127.0.0.1:{own.getsockname()[1]}/stream", timeout=10).content == b"one two"
        server.should_exit = True
        thread.join()
