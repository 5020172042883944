"""Posting to other people's addresses reaches what is public, or what the operator allowed, and nothing else."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from console.lib import outbound
from console.lib.addresses import Refused, check, networks
from tests.receiving import Receiver, receiving

LOOPBACK = networks(["127.0.0.0/8"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def post(url: str) -> outbound.Answer:
    with outbound.Client() as client:
        return client.post(url, body=b"{}", headers={"content-type": "application/json"})


def named(monkeypatch: pytest.MonkeyPatch, **hosts: list[list[str]]) -> list[str]:
    """Makes names lead to addresses; of several lists, each look-up takes the next. Returns what was looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def find(host: Any, port: Any, *rest: Any, **named: Any) -> Any:
        if host not in hosts:
            return real(host, port, *rest, **named)
        asked.append(str(host))
        answers = hosts[str(host)]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for text in found for entry in real(text, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", find)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "2001:db8::1",
        "192.0.0.192", "fec0::1", "::127.0.0.1", "::7f00:1", "::8.8.8.8", "192.88.99.1", "5f00::1", "168.63.129.16",
        "::ffff:168.63.129.16",
        "::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "localhost", "127.1",
    ],
)  # fmt: skip
def test_private_and_reserved_addresses_are_refused_in_every_form(address: str) -> None:
    with pytest.raises(Refused):
        check(address, allowed=())


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_may_be_reached(address: str) -> None:
    check(address, allowed=())


def test_the_operator_opens_networks_and_those_only() -> None:
    check("10.1.2.3", allowed=networks(["10.1.0.0/16"]))
    check("::ffff:10.1.2.3", allowed=networks(["10.1.0.0/16"]))
    with pytest.raises(Refused):
        check("10.2.0.1", allowed=networks(["10.1.0.0/16"]))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://x/", "example.org", "", "http://",
        "https://u:p@example.org/",
        "http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest", "https://a b.example/",
        "http://x\r\nHost: y/",
        "https://example.org/" + "x" * 600,
        "http://ab--xn--d.com/", "http://1.2.3.999/",
    ],
)  # fmt: skip
def test_what_cannot_be_posted_to_is_refused_without_looking_anything_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("looked up"))
    with pytest.raises(Refused):
        outbound.check_url(url)


@pytest.mark.parametrize("url", ["http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://localhost/"])
def test_other_ways_to_write_the_loopback_are_refused_too(url: str, receiver: Receiver) -> None:
    with pytest.raises((Refused, outbound.NoAnswer)):
        post(f"{url[:-1]}:{receiver.port}/")
    assert receiver.connections == 0


def test_a_name_that_leads_to_a_private_address_is_refused_before_connecting(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, **{"hooks.example.org": [["127.0.0.1"]]})
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        post(f"http://hooks.example.org:{receiver.port}/")
    assert receiver.connections == 0


def test_a_name_with_one_private_address_among_others_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, **{"hooks.example.org": [["8.8.8.8", "127.0.0.1"]]})
    with pytest.raises(Refused):
        post(f"http://hooks.example.org:{receiver.port}/")
    assert receiver.connections == 0


def test_the_name_is_looked_up_once_so_a_change_between_check_and_connection_changes_nothing(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = networks(["127.0.0.1/32"])
    asked = named(monkeypatch, **{"hooks.example.org": [["127.0.0.1"], ["127.0.0.2"]]})
    assert post(f"http://hooks.example.org:{receiver.port}/x").accepted
    assert asked == ["hooks.example.org"]
    [(path, headers, body)] = receiver.got
    assert (path, headers["host"], body) == ("/x", f"hooks.example.org:{receiver.port}", b"{}")


def test_a_redirect_to_a_private_address_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = networks(["127.0.0.1/32"])
    named(monkeypatch, **{"inside.example.org": [["127.0.0.2"]]})
    for target in (f"http://127.0.0.2:{receiver.port}/in", f"http://inside.example.org:{receiver.port}/in"):
        receiver.answers["/out"] = (307, {"location": target})
        with pytest.raises(Refused):
            post(receiver.url("/out"))
    assert [path for path, _headers, _body in receiver.got] == ["/out", "/out"]


@pytest.mark.parametrize("target", ["http://1.2.3.999/", "/a\tb", "http://ab--xn--d.com/", "//:x"])
def test_a_redirect_to_what_is_no_address_is_refused(target: str, receiver: Receiver, settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = LOOPBACK
    receiver.answers["/out"] = (307, {"location": target})
    with pytest.raises(Refused):
        post(receiver.url("/out"))


def test_redirects_that_keep_the_message_are_followed_a_few_times(receiver: Receiver, settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = LOOPBACK
    receiver.answers |= {"/a": (308, {"location": "/b"}), "/loop": (307, {"location": "/loop"})}
    assert post(receiver.url("/a")).accepted
    assert [(path, body) for path, _headers, body in receiver.got] == [("/a", b"{}"), ("/b", b"{}")]
    with pytest.raises(outbound.NoAnswer, match="redirects"):
        post(receiver.url("/loop"))
    receiver.answers["/get"] = (302, {"location": "/b"})
    assert post(receiver.url("/get")).status == 302


def test_an_answer_that_drips_in_ends_with_the_time_for_the_whole_exchange(
    receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = LOOPBACK
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", 0.3)
    receiver.drip = True
    began = time.monotonic()
    with pytest.raises(outbound.NoAnswer):
        post(receiver.url())
    assert time.monotonic() - began < 3


def test_nobody_listening_is_no_answer_and_says_so(settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = LOOPBACK
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(outbound.NoAnswer, match="refused"):
            post(f"http://127.0.0.1:{unused.getsockname()[1]}/")


def test_one_client_keeps_its_connection(receiver: Receiver, settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED_NETWORKS = LOOPBACK
    with outbound.Client() as client:
        for _number in range(3):
            client.post(receiver.url(), body=b"x", headers={})
    assert (receiver.connections, len(receiver.got)) == (1, 3)
