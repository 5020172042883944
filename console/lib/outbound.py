"""HTTP to addresses that somebody else chose: webhooks and callbacks.

Nobody may use this to reach what only our machine can reach. A name is resolved once, at the moment of connecting,
every address it has is checked, and the connection goes to an address that was checked: a name that changes in between
changes nothing. That holds for every hop of a redirect. Private networks that the operator has opened are in
OUTBOUND_ALLOWED_NETWORKS.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpcore2
import httpx2
from django.conf import settings

from console.lib import addresses
from console.lib.addresses import Refused

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0
"""How long one exchange may take in all, however slowly the other side answers."""

REDIRECTS_MAX = 3
URL_CHARS = 500
READ_BYTES = 16 * 1024
"""So much of an answer is read, for the connection to be used again; a longer one costs a new connection."""

# Only these keep the method and the body; the others would turn a message into a GET.
REDIRECTS = frozenset({307, 308})


class NoAnswer(OSError):
    """The other side was not reached, or did not answer in time, or not in HTTP."""


@dataclass(frozen=True)
class Answer:
    """How an exchange ended. The body is thrown away: nothing depends on it, and nobody may read it through us."""

    status: int
    retry_after: str = ""

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str) -> None:
    """Raises Refused, with the reason, unless this is an address that something could be posted to.

    Looks nothing up: what a name leads to is checked whenever it is connected to.
    """
    parsed = parsed_url(url)
    host = parsed.raw_host.decode("ascii")
    if parsed.scheme not in {"https", "http"} or not host:
        raise Refused("only addresses that begin with https:// or http:// can be reached")
    if parsed.userinfo:
        raise Refused("an address must not contain a password")
    try:
        numeric = ipaddress.ip_address(host)
    except ValueError:
        return
    addresses.check(str(numeric), allowed=settings.OUTBOUND_ALLOWED_NETWORKS)


def parsed_url(url: str) -> httpx2.URL:
    """The address in its parts, names in Punycode. Raises Refused for what is none.

    `raw_host` of what this returns never raises; neither does `host`, which turns Punycode back into letters.
    """
    if len(url) > URL_CHARS:
        raise Refused(f"an address has at most {URL_CHARS} characters")
    if any(char.isspace() for char in url):
        raise Refused("an address has no spaces in it")
    try:
        parsed = httpx2.URL(url)
        _readable = parsed.host
    except (httpx2.InvalidURL, ValueError):  # a UnicodeError, for one, where Punycode spells no name
        raise Refused("this is not an address") from None
    return parsed


class Client:
    """Posts to addresses of others, and keeps connections open until it is closed. For one thread."""

    def __init__(self) -> None:
        self._network = _CheckedNetwork()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            network_backend=self._network,
            max_connections=4,
            keepalive_expiry=5.0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.close()

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The answer of whoever answers last. Raises Refused, and NoAnswer when there is none."""
        self._network.deadline = time.monotonic() + WHOLE_SECONDS
        for _hop in range(REDIRECTS_MAX + 1):
            check_url(url)
            answer, location = self._post_once(parsed_url(url), body, headers)
            if answer.status not in REDIRECTS or not location:
                return answer
            url = _redirected(url, location)
        raise NoAnswer(f"more than {REDIRECTS_MAX} redirects")

    def _post_once(self, url: httpx2.URL, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
        timeouts = {"connect": CONNECT_SECONDS, "read": WHOLE_SECONDS, "write": WHOLE_SECONDS, "pool": WHOLE_SECONDS}
        try:
            with self._pool.stream(
                "POST", str(url), headers=list(headers.items()), content=body, extensions={"timeout": timeouts}
            ) as response:
                answered = {name.lower(): value.decode("latin-1") for name, value in response.headers}
                _drain(response)
                answer = Answer(response.status, answered.get(b"retry-after", "")[:40])
                return answer, answered.get(b"location", "")
        except httpcore2.TimeoutException:
            raise NoAnswer("no answer in time") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise NoAnswer(_words(error)) from None


def _drain(response: httpcore2.Response) -> None:
    read = 0
    for part in response.iter_stream():
        read += len(part)
        if read > READ_BYTES:
            return


class _CheckedNetwork(httpcore2.NetworkBackend):
    """Connects to addresses that were checked, never to names, and keeps a deadline for all that follows."""

    def __init__(self) -> None:
        self._sockets = httpcore2.SyncBackend()
        self.deadline = 0.0

    def left(self, timeout: float | None) -> float:
        """The seconds that an operation may take. Raises TimeoutException when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the time for the whole exchange is over")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        last: Exception = httpcore2.ConnectError("the name has no address")
        for address in resolve(host, port):
            try:
                stream = self._sockets.connect_tcp(address, port, self.left(timeout), local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
            else:
                return _TimedStream(stream, self)
        raise last


class _TimedStream(httpcore2.NetworkStream):
    """A connection whose every operation ends before the network's deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, network: _CheckedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        encrypted = self._stream.start_tls(ssl_context, server_hostname, self._network.left(timeout))
        return _TimedStream(encrypted, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def resolve(host: str, port: int) -> list[str]:
    """The numeric addresses of a host. Raises Refused when any of them may not be reached, NoAnswer for no address."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise NoAnswer(f"{host} has no address") from None
    numeric = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in numeric:
        addresses.check(address, allowed=settings.OUTBOUND_ALLOWED_NETWORKS)
    return numeric


def _words(error: Exception) -> str:
    """What went wrong, as the operating system says it, without its numbers."""
    text = str(error) or type(error).__name__
    return (text.partition("] ")[2] or text if text.startswith("[") else text)[:200]


def _redirected(url: str, location: str) -> str:
    """Where an answer sends us on to. Raises Refused when that is no address."""
    try:
        return str(parsed_url(url).join(location))
    except (httpx2.InvalidURL, ValueError):
        raise Refused("it redirects to what is no address") from None
