"""Recorded requests with damage: each number makes the same damage again."""

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

from google.protobuf.json_format import MessageToJson

from tests.fuzz.documents import REQUESTS
from tests.metrics.ingest.captures import FOLDER, recordings

SIGNALS = ("traces", "logs", "metrics")
MOST_STEPS = 6


class Sample(NamedTuple):
    """A request that was recorded, or the same one in OTLP's other encoding."""

    signal: str
    json: bool
    body: bytes


def corpus() -> list[Sample]:
    """Every recorded request in protobuf and in JSON."""
    found = []
    for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
        for one in recordings(folder.name):
            signal = one.path.rpartition("/")[2]
            if one.body[:1] == b"{":
                found.append(Sample(signal, True, json.dumps(json.loads(one.body)).encode()))
            else:
                found.append(Sample(signal, False, one.body))
                message = REQUESTS[signal].FromString(one.body)
                found.append(Sample(signal, True, MessageToJson(message, indent=None).encode()))
    return found


def damaged(samples: list[Sample], number: int) -> Sample:
    """One of the samples after a few steps of damage, now and then sent to another signal's address."""
    chance = random.Random(number)
    sample = chance.choice(samples)
    if sample.json and chance.random() < 0.6:
        # Damaged text is hardly ever JSON any more: here other values stand in the right places.
        document = json.loads(sample.body)
        for _ in range(chance.randrange(1, MOST_STEPS)):
            _swap_value(document, chance)
        body = bytearray(json.dumps(document).encode())
    else:
        body = bytearray(sample.body)
        for _ in range(chance.choice((1, 1, 2, MOST_STEPS))):
            if body:
                chance.choice(STEPS)(body, chance, chance.choice(samples).body)
    signal = sample.signal if chance.random() < 0.9 else chance.choice(SIGNALS)
    return sample._replace(signal=signal, body=bytes(body))


VALUES: tuple[Any, ...] = (
    None, "", 0, -1, True, [], {}, [[]], "\0", "NaN", 1e308, 2**63, 2**64 - 1, "9" * 30, "x" * 9_000, [None] * 50,
    {"stringValue": 1}, {"arrayValue": {"values": [None, {}]}}, {"kvlistValue": {"values": [{"key": "k"}]}},
    '{"a": [NaN, {"b": "\\u0000"}]}', "STATUS_CODE_ERROR", "00" * 16, "ff" * 8, "[Scrubbed due to 'session']",
)  # fmt: skip


def _swap_value(document: Any, chance: random.Random) -> None:
    """Puts another value somewhere into a JSON document."""
    place = document
    while True:
        name = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
        inner = place[name]
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.05:
            place[name] = deepcopy(chance.choice(VALUES))
            return
        place = inner


def _flip_bits(body: bytearray, chance: random.Random, _: bytes) -> None:
    for _i in range(chance.choice((1, 1, 2, 20))):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)


def _cut_off(body: bytearray, chance: random.Random, _: bytes) -> None:
    del body[chance.randrange(len(body)) :]


def _cut_out(body: bytearray, chance: random.Random, _: bytes) -> None:
    place = chance.randrange(len(body))
    del body[place : place + chance.choice((1, 2, 8, 200))]


def _repeat(body: bytearray, chance: random.Random, _: bytes) -> None:
    place = chance.randrange(len(body))
    body[place:place] = body[place : place + chance.choice((1, 5, 60, 900))] * chance.choice((1, 2, 9))


def _splice(body: bytearray, chance: random.Random, other: bytes) -> None:
    start = chance.randrange(len(other))
    place = chance.randrange(len(body))
    body[place : place + chance.choice((0, 0, 30))] = other[start : start + chance.choice((4, 40, 400))]


def _change_length(body: bytearray, chance: random.Random, _: bytes) -> None:
    """Lengths stand before texts and messages: small numbers, some of them in several bytes."""
    place = chance.randrange(len(body))
    body[place : place + 1] = chance.choice(
        (b"\0", b"\x7f", b"\xff\xff\xff\xff\x07", b"\x80\x80\x80\x80\x80\x80", b"\x01")
    )


def _insert_nasty(body: bytearray, chance: random.Random, _: bytes) -> None:
    place = chance.randrange(len(body))
    body[place:place] = chance.choice(
        (
            b"\0",
            b"\\u0000",
            b"\\ud800",
            b"NaN",
            b"1e999",
            b"[" * 70,
            b'{"a":' * 70,
            b"\xff",
            b"-",
            b"9" * 30,
            b'"',
            b"null",
        )
    )


STEPS: tuple[Callable[[bytearray, random.Random, bytes], None], ...] = (
    _flip_bits, _cut_off, _cut_out, _repeat, _splice, _change_length, _insert_nasty,
)  # fmt: skip
