"""Static files as a server of ASGI gets them."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.contrib.staticfiles import finders
from django.core.asgi import get_asgi_application
from django.templatetags.static import static

FILE = "js/time-zone.js"


@pytest.fixture
def source() -> bytes:
    with open(str(finders.find(FILE)), "rb") as file:
        return file.read()


def served(method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the file; a warning of the server is an error here."""

    async def ask() -> tuple[int, dict[str, str], bytes]:
        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": static(FILE),
            "query_string": b"", "headers": [(b"host", b"testserver"), *given],
        }  # fmt: skip
        communicator: Any = ApplicationCommunicator(get_asgi_application(), scope)  # type: ignore[no-untyped-call]
        await communicator.send_input({"type": "http.request", "body": b""})
        start = await communicator.receive_output(5)
        body = b""
        while True:
            part = await communicator.receive_output(5)
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        await communicator.wait(5)
        return start["status"], {name.decode().lower(): value.decode() for name, value in start["headers"]}, body

    return async_to_sync(ask)()


def test_a_file_is_served_whole_without_a_warning(source: bytes) -> None:
    status, headers, body = served()
    assert (status, body) == (200, source)
    assert headers["content-length"] == str(len(source))
    assert headers["content-type"].startswith("text/javascript")


def test_a_part_of_a_file_and_its_head_alone_are_served(source: bytes) -> None:
    status, headers, body = served(range="bytes=3-9")
    assert (status, body) == (206, source[3:10])
    assert headers["content-range"] == f"bytes 3-9/{len(source)}"
    status, headers, body = served("HEAD")
    assert (status, headers["content-length"], body) == (200, str(len(source)), b"")


def test_a_file_that_the_browser_has_is_not_sent_again() -> None:
    _status, headers, _body = served()
    status, headers, body = served(if_modified_since=headers["last-modified"])
    assert (status, body) == (304, b"")
    assert "content-type" not in headers
