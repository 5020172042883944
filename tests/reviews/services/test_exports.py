"""Files made of a version, read back by the tools that they are for."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import jsonschema
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet
import pytest
from django.core.exceptions import ValidationError

from agents.authentication import Caller
from agents.models import AuditEvent, Project
from console.lib import clock
from reviews.exporting import FORMATS, parquet
from reviews.exporting.columns import COLUMNS
from reviews.exporting.tables import neutral
from reviews.models import DatasetVersion, Export, ExportPart
from reviews.services import exports, freezes
from reviews.states import Verdict
from tests.reviews.conftest import make_person
from tests.reviews.datasets import Decided, decider, exported, file_of, frozen, lines_of, make_dataset, written_last

CONTEXT = {
    "messages": [
        {"role": "system", "content": "You help customers."},
        {"role": "user", "content": "I want my money back."},
        {"role": "tool", "name": "lookup", "content": "order A-17"},
    ],
    "tier": "vip",
}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.services.datasets.settled_end", written_last)
    monkeypatch.setattr(freezes, "PART_ROWS", 3)


@pytest.fixture
def lead(project: Project) -> Caller:
    return Caller(user=make_person("Lea", project, "lead"))


@pytest.fixture
def decided(project: Project, agent: Caller, ana: Caller) -> Decided:
    return decider(project, agent, ana)


@pytest.fixture
def version(project: Project, lead: Caller, decided: Decided) -> DatasetVersion:
    """Eight examples: five approved, one edited, one rejected, one answered."""
    for number in range(5):
        arguments = {"amount": number, "currency": "EUR"}
        decided(arguments=arguments, session_id=f"s{number}", agent="support", context=CONTEXT)
    decided(Verdict.EDIT, arguments={"amount": 70, "big": 2**70}, changed={"amount": 7, "big": 2**70}, context=CONTEXT)
    decided(Verdict.REJECT, reason='=HYPERLINK("http://evil")', action="delete rows!", arguments={"table": "x"})
    decided(
        Verdict.RESPOND,
        message="Ask for the order first",
        arguments={"q": 1},
        context=CONTEXT,
        suggestion="approve",
        confidence=0.6,
        allowed_decisions=("approve", "respond"),
    )
    return frozen(make_dataset(project, lead), lead)


def test_jsonl_is_the_lines_that_were_hashed(version: DatasetVersion, lead: Caller) -> None:
    export, data = exported(version, lead, "jsonl")
    assert export.status == "ready"
    assert export.sha256 == version.content_hash == hashlib.sha256(data).hexdigest()
    assert export.rows == 8
    assert export.size == len(data)
    assert data == lines_of(version)


def test_splits_add_up_to_the_whole(version: DatasetVersion, lead: Caller) -> None:
    whole = lines_of(version).splitlines()
    parts = [exported(version, lead, "jsonl", split)[1].splitlines() for split in ("train", "validation")]
    rest = exported(version, lead, "jsonl", "test")[1].splitlines()
    assert sorted([*parts[0], *parts[1], *rest]) == sorted(whole)


def test_parquet_is_read_by_pyarrow_with_its_types(version: DatasetVersion, lead: Caller) -> None:
    _export, data = exported(version, lead, "parquet")
    table = pa.parquet.read_table(io.BytesIO(data))
    assert table.num_rows == 8
    assert table.schema.field("decided_at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("labels").type.value_type == pa.string()
    assert json.loads(table.column("proposed_arguments")[5].as_py()) == {"amount": 70, "big": 2**70}
    assert table.schema.metadata[b"handrail.content_hash"].decode() == version.content_hash
    assert not ExportPart.objects.filter(raw=True).exists()


def test_csv_says_the_same_and_no_cell_begins_a_formula(version: DatasetVersion, lead: Caller) -> None:
    _export, data = exported(version, lead, "csv")
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert [*rows[0]] == [column.name for column in COLUMNS]
    assert json.loads(rows[5]["final_arguments"]) == {"amount": 7, "big": 2**70}
    assert rows[6]["reason"] == """'=HYPERLINK("http://evil")"""
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1"])
def test_a_formula_is_neutralised(text: str) -> None:
    assert neutral(text) == f"'{text}"


def test_plain_text_stays_as_it_is() -> None:
    assert neutral("5 = 5") == "5 = 5"


CHAT = {
    "type": "object",
    "required": ["messages", "tools"],
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 2,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {"role": {"enum": ["system", "user", "assistant"]}, "content": {"type": "string"}},
            },
        },
        "tools": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "function"],
                "properties": {
                    "type": {"const": "function"},
                    "function": {
                        "type": "object",
                        "required": ["name", "parameters"],
                        "properties": {"name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,64}$"}},
                    },
                },
            },
        },
    },
}


def test_openai_chat_ends_in_the_call_that_was_approved(version: DatasetVersion, lead: Caller) -> None:
    export, data = exported(version, lead, "openai-chat")
    rows = [json.loads(line) for line in data.splitlines()]
    for row in rows:
        jsonschema.validate(row, CHAT)
        call = row["messages"][-1]["tool_calls"][0]["function"]
        assert call["name"] == row["tools"][0]["function"]["name"]
        assert isinstance(json.loads(call["arguments"]), dict)
    edited = rows[5]
    assert [message["role"] for message in edited["messages"]] == ["system", "user", "user", "assistant"]
    assert json.loads(edited["messages"][-1]["tool_calls"][0]["function"]["arguments"])["amount"] == 7
    assert (export.rows, export.left_out) == (6, 2)


def test_preference_pairs_prefer_what_the_reviewer_sent(version: DatasetVersion, lead: Caller) -> None:
    export, data = exported(version, lead, "preferences")
    edited, answered = (json.loads(line) for line in data.splitlines())
    assert json.loads(edited["chosen"][0]["tool_calls"][0]["function"]["arguments"]) == {"amount": 7, "big": 2**70}
    assert json.loads(edited["rejected"][0]["tool_calls"][0]["function"]["arguments"])["amount"] == 70
    assert answered["chosen"] == [{"role": "assistant", "content": "Ask for the order first"}]
    assert (export.rows, export.left_out) == (2, 6)


@pytest.mark.parametrize("format", ["openai-chat", "preferences"])
def test_an_example_without_anything_that_led_to_it_trains_nothing(
    project: Project, decided: Decided, lead: Caller, format: str
) -> None:
    decided(Verdict.EDIT, arguments={"amount": 300}, changed={"amount": 200}, summary="Refund 300")
    export, data = exported(frozen(make_dataset(project, lead), lead), lead, format)
    assert (export.rows, export.left_out, data) == (0, 1, b"")


@pytest.mark.parametrize("format", ["jsonl", "openai-chat", "preferences"])
def test_json_lines_load_as_a_table_with_one_schema(
    project: Project, decided: Decided, lead: Caller, format: str
) -> None:
    """As `datasets.load_dataset("json")` reads them: with pyarrow, block by block into one schema."""
    for number in range(4):
        decided(Verdict.EDIT, arguments={"n": number}, changed={"n": -number - 1}, context=CONTEXT)
    made = frozen(make_dataset(project, lead), lead)
    export, data = exported(made, lead, format)
    table = pa.json.read_json(io.BytesIO(data), read_options=pa.json.ReadOptions(block_size=8_000))
    assert table.num_rows == export.rows > 0


def test_what_differs_only_by_its_cut_is_the_same_file(version: DatasetVersion, lead: Caller) -> None:
    """A worker dies after every step of every format; the file equals an undisturbed one."""
    for name in FORMATS:
        _whole, undisturbed = exported(version, lead, name)
        export = exports.order(version=version, by=lead, format=name, split="", now=clock.now())
        turns = 0
        while exports.advance(export_id=str(export.pk), clock=clock.now, seconds=0):
            turns += 1
        assert turns >= 3
        export.refresh_from_db()
        assert file_of(export) == undisturbed
        assert export.sha256 == hashlib.sha256(undisturbed).hexdigest()


def test_a_file_that_is_put_together_twice_is_the_same(
    version: DatasetVersion, lead: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    _whole, undisturbed = exported(version, lead, "parquet")
    monkeypatch.setattr(parquet, "GROUP_ROWS", 3)
    _whole, in_groups = exported(version, lead, "parquet")
    export = exports.order(version=version, by=lead, format="parquet", split="", now=clock.now())
    finish = exports._finish

    def killed(*_args: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(exports, "_finish", killed)
    with pytest.raises(SystemExit):
        exports.advance(export_id=str(export.pk), clock=clock.now, seconds=9)
    monkeypatch.setattr(exports, "_finish", finish)
    later = clock.now() + timedelta(minutes=5)
    exports.advance(export_id=str(export.pk), clock=lambda: later, seconds=9)
    export.refresh_from_db()
    assert file_of(export) == in_groups
    assert pa.parquet.read_table(io.BytesIO(in_groups)).equals(pa.parquet.read_table(io.BytesIO(undisturbed)))


@pytest.mark.parametrize("format", list(FORMATS))
def test_an_empty_version_gives_a_file_that_can_be_read(project: Project, lead: Caller, format: str) -> None:
    export, data = exported(frozen(make_dataset(project, lead), lead), lead, format)
    assert export.status == "ready"
    if format == "parquet":
        assert pa.parquet.read_table(io.BytesIO(data)).num_rows == 0
    elif format == "label-studio":
        assert json.loads(data) == []
    else:
        assert len(data.splitlines()) == (1 if format == "csv" else 0)


def test_label_studio_gets_a_list_of_tasks(version: DatasetVersion, lead: Caller) -> None:
    _export, data = exported(version, lead, "label-studio")
    tasks = json.loads(data)
    assert len(tasks) == 8
    verdicts = [task["annotations"][0]["result"][0]["value"]["choices"][0] for task in tasks]
    assert sorted(verdicts) == ["approve"] * 5 + ["edit", "reject", "respond"]
    (predicted,) = [task["predictions"][0] for task in tasks if "predictions" in task]
    assert predicted["score"] == 0.6
    assert predicted["result"][0]["value"] == {"choices": ["approve"]}


def test_a_split_leaves_a_list_that_is_a_list(version: DatasetVersion, lead: Caller) -> None:
    found = [json.loads(exported(version, lead, "label-studio", split)[1]) for split in ("train", "validation", "test")]
    assert sum(map(len, found)) == 8


def test_files_expire_and_take_no_room_any_more(version: DatasetVersion, lead: Caller) -> None:
    export, _data = exported(version, lead, "csv")
    assert exports.expire_due(now=clock.now()) == 0
    assert exports.expire_due(now=clock.now() + exports.KEPT_FOR + timedelta(seconds=1)) == 1
    export.refresh_from_db()
    assert export.status == "expired"
    assert not ExportPart.objects.filter(export=export).exists()


def test_what_is_on_the_way_at_once_is_bounded(version: DatasetVersion, lead: Caller) -> None:
    for _number in range(exports.OPEN_MAX):
        exports.order(version=version, by=lead, format="csv", split="", now=clock.now())
    with pytest.raises(exports.TooMany):
        exports.order(version=version, by=lead, format="csv", split="", now=clock.now())


def test_a_file_that_grows_too_large_fails_in_words(
    version: DatasetVersion, lead: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "FILE_MAX", 100)
    export, _data = exported(version, lead, "csv")
    assert export.status == "failed"
    assert "one split at a time" in export.error


@pytest.mark.parametrize(("format", "split"), [("xml", ""), ("csv", "rest")])
def test_what_cannot_be_ordered_is_refused_by_field(
    version: DatasetVersion, lead: Caller, format: str, split: str
) -> None:
    with pytest.raises(ValidationError):
        exports.order(version=version, by=lead, format=format, split=split, now=clock.now())


def test_orders_are_audited(version: DatasetVersion, lead: Caller) -> None:
    export, _data = exported(version, lead, "csv")
    event = AuditEvent.objects.get(action="export.created")
    assert event.target == f"export {UUID(str(export.pk))}"
    assert Export.objects.get().requested_by_label == event.actor_label
