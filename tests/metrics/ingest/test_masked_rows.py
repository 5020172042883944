"""What a masker finds is in no row: not in a column, not in the detail, however deep or how often encoded."""

import base64
from typing import Any

import orjson
import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from metrics.ingest import content, normalise, otlpjson, packing, protobuf, signals
from metrics.ingest.masking import Masker, Plan, Policy
from metrics.ingest.rows import Batch, RawEvent, RawLink, RawLog, RawPoint, RawSpan, Source, SpanRow

START = 1_795_219_776_000_000_000
WINDOW = normalise.Window(0, 2**63 - 1)
PERSON = "eve.adams@example.com"
CARD = "4111 1111 1111 1111"


def masker(*, pseudonyms: bool = False) -> Masker:
    return Masker(Plan(Policy(pseudonyms=pseudonyms, key=b"k" * 32)))


def masked(
    attributes: dict[str, Any], *, by: Masker | None = None, source: Source | None = None, **more: Any
) -> SpanRow:
    raw = RawSpan(
        b"t" * 16, b"s" * 8, b"", more.pop("name", "step"), START, START + 1, False, more.pop("status_code", 0),
        more.pop("status_message", ""), attributes, more.pop("events", ()), more.pop("links", ()), source or Source(),
    )  # fmt: skip
    batch = normalise.spans(Batch(rows=[raw]), WINDOW, by or masker())
    assert not batch.refused
    return batch.rows[0]


@pytest.mark.parametrize(
    "attributes",
    [
        {"note": f"write to {PERSON}"},
        {"gen_ai.input.messages": f'[{{"role": "user", "parts": [{{"content": "I am {PERSON}"}}]}}]'},
        {"input.value": orjson.dumps(orjson.dumps({"to": PERSON}).decode()).decode()},
        {"gen_ai.tool.call.arguments": f'{{"card": "{CARD}"}}', "gen_ai.tool.name": "pay"},
        {"gen_ai.tool.call.arguments": '{"card": 4111111111111111}', "gen_ai.tool.name": "pay"},
        {"deep": {"er": [{"still": PERSON}]}},
        {"gen_ai.agent.name": PERSON, "langfuse.trace.tags": [PERSON], "team": PERSON},
        {"langfuse.trace.metadata.owner": PERSON},
        {PERSON: "as a name"},
    ],
)
def test_nothing_personal_is_in_the_row(attributes: dict[str, Any]) -> None:
    row = masked(attributes)
    for secret in (PERSON, CARD, CARD.replace(" ", "")):
        assert secret not in repr(row)


def bytes_in_protobuf(value: bytes) -> dict[str, Any]:
    message = KeyValue(key="payload", value=AnyValue(bytes_value=value))
    inner = AnyValue(array_value=ArrayValue(values=[message.value]))
    deep = KeyValue(key="deep", value=inner)
    return protobuf.attributes([message.SerializeToString(), deep.SerializeToString()])


def bytes_in_json(value: bytes) -> dict[str, Any]:
    sent = {"bytesValue": base64.b64encode(value).decode()}
    deep = {"arrayValue": {"values": [sent]}}
    pairs = [{"key": "payload", "value": sent}, {"key": "deep", "value": deep}]
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "attributes": pairs}
    body = orjson.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    return dict(otlpjson.spans(body).rows[0].attributes)


@pytest.mark.parametrize("decoded", [bytes_in_protobuf, bytes_in_json])
def test_bytes_that_are_text_are_masked_as_text(decoded: Any) -> None:
    text = f"write to {PERSON} – soon\n"
    attributes = decoded(text.encode())
    assert attributes == {"payload": text, "deep": [text]}
    row = masked(attributes)
    assert PERSON not in repr(row)
    assert base64.b64encode(text.encode()).decode()[4:-4] not in repr(row)
    assert b"write to [email]" in row.detail


@pytest.mark.parametrize("decoded", [bytes_in_protobuf, bytes_in_json])
@pytest.mark.parametrize("value", [b"\xff\xfe ana", b"\x0a\x0fprotobuf", b"\x00\x01\x02"])
def test_bytes_that_are_no_text_stay_base64(decoded: Any, value: bytes) -> None:
    assert decoded(value)["payload"] == base64.b64encode(value).decode()


def test_what_is_beside_the_attributes_is_masked_too() -> None:
    event = RawEvent("exception", START, {"exception.message": f"no {PERSON}", "exception.type": "KeyError"})
    link = RawLink(b"t" * 16, b"s" * 8, {"to": PERSON})
    source = Source({"host.owner": PERSON, "service.name": PERSON})
    row = masked(
        {}, name=f"mail {PERSON}", status_code=2, status_message=PERSON, events=(event,), links=(link,), source=source
    )
    assert PERSON not in repr(row)
    assert (row.status, row.error_type) == ("error", "KeyError")


def test_masked_content_is_still_json() -> None:
    row = masked({"gen_ai.tool.name": "pay", "gen_ai.tool.call.arguments": '{"card": 4111111111111111, "n": 1}'})
    found = content.read(packing.content(row.detail)).input
    assert isinstance(found, dict)
    assert (found["n"], "4111" in str(found["card"])) == (1, False)


def test_users_and_sessions_can_still_be_told_apart() -> None:
    one, two = (masked({"user.id": person, "session.id": f"chat of {person}"}) for person in (PERSON, "b@example.com"))
    again = masked({"user.id": PERSON})
    assert one.user_id == again.user_id != two.user_id
    assert one.session_id != two.session_id


def test_what_is_counted_and_costs_stays() -> None:
    row = masked({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 10,
        "gen_ai.input.messages": PERSON, "user.id": "user-42",
    })  # fmt: skip
    assert (row.kind, row.usage.input_tokens, row.price.nanos, row.user_id) == ("llm", 10, 25_000, "user-42")


def test_what_was_masked_is_counted() -> None:
    by = masker()
    masked({"note": f"{PERSON} and {CARD}"}, by=by)
    assert set(by.counts) == {"email", "card"}


def test_rows_without_anything_personal_are_as_they_would_be_without_a_masker() -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": '[ {"role":"user"} ]'}
    raw = RawSpan(b"t" * 16, b"s" * 8, b"", "x", START, START, False, 0, "", attributes, (), (), Source())
    assert normalise.spans(Batch(rows=[raw]), WINDOW, masker()).rows == [normalise.span(raw)]


def test_logs_and_points() -> None:
    log = RawLog(START, 0, b"", b"", 9, "INFO", "", f'{{"to": "{PERSON}"}}', {"by": PERSON}, Source({"r": PERSON}))
    plain, kept = (signals.logs(Batch(rows=[log]), WINDOW, by).rows[0] for by in (None, masker()))
    assert plain.id == kept.id  # sent again under another policy, it is the same record
    assert PERSON not in kept.body + repr(packing.unpack(kept.detail))
    point = RawPoint(
        "spend", "", "gauge", "", False, START, 0, 1.0, None, None, None, None, None, {"user": PERSON}, Source()
    )
    assert PERSON not in signals.points(Batch(rows=[point]), WINDOW, masker()).rows[0].attributes
