"""Imports of our own JSON and of OTLP/JSON, and how a file that is wrong is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Project
from metrics.models import Score, Span, Trace
from metrics.services import imports
from tests.metrics.sending import NOW, Sending, ns

Ask = Callable[..., Any]
NESTED: dict[str, Any] = {
    "trace_id": "1" * 32,
    "spans": [
        {
            "timestamp": "2026-03-02T11:00:00.5",
            "trace_id": "1" * 32,
            "span_id": "2" * 16,
            "parent_span_id": None,
            "span_name": "run",
            "duration": "PT1M2.5S",
            "status_code": "Ok",
            "span_attributes": {"openinference.span.kind": "AGENT"},
            "child_spans": [],
        }
    ],
}
CHILD = {
    "trace_id": "1" * 32,
    "span_id": "7" * 16,
    "timestamp": "2026-03-02T11:00:00Z",
    "span_name": 7,
    "duration": "PT1S",
}
OTLP = {
    "resourceSpans": [
        {
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "3" * 32,
                            "spanId": "4" * 16,
                            "name": "otlp",
                            "startTimeUnixNano": str(ns(NOW) - 10**9),
                            "endTimeUnixNano": str(ns(NOW)),
                        }
                    ]
                }
            ]
        }
    ]
}


def run(*paths: Path, project: str = "fleet", **options: Any) -> None:
    call_command("import_traces", *map(str, paths), project=project, **options)


def write(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def nested(**changes: Any) -> dict[str, Any]:
    return NESTED | {"spans": [{**NESTED["spans"][0], **changes}]}


def test_a_trace_that_was_fetched_comes_back_with_the_same_figures_and_scores(
    sending: Sending, ask: Ask, other_project: Project, tmp_path: Path, at_noon: None
) -> None:
    root = sending.agent(environment="staging", attributes={"session.id": "s1", "tag.tags": ["beta"]})
    call = sending.call(
        root, attributes={"gen_ai.usage.cost": 0.5, "gen_ai.output.messages": '[{"role": "assistant"}]'}
    )
    unknown = sending.call(root, model="nobody-knows-it", error="Boom")
    sending.send([root, call, unknown])
    sending.project.scores.create(
        trace_id=root.trace_id, span_id=call.span_id, name="good", value=1, source="sdk", created_at=NOW, updated_at=NOW
    )
    told = ask(f"traces/{root.trace_id.hex()}").json()
    file = write(tmp_path, "trace.json", told)
    for _ in range(2):
        run(file, project="strangers")
    mine, theirs = (Trace.objects.get(project_id=project.pk) for project in (sending.project, other_project))
    same = (
        "root_name", "start_ns", "duration_ns", "status", "error_count", "span_count", "agents", "models", "tags",
        "session_id", "environment", "input_tokens", "output_tokens", "cost_nanos", "unpriced_count",
    )  # fmt: skip
    assert {name: getattr(theirs, name) for name in same} == {name: getattr(mine, name) for name in same}
    reported = Span.objects.get(project_id=other_project.pk, span_id=call.span_id)
    assert (reported.reported_cost_nanos, reported.cost_source) == (500_000_000, "computed")
    score = Score.objects.get(project_id=other_project.pk)
    assert (score.name, score.value, score.source, bytes(score.span_id or b"")) == ("good", 1.0, "import", call.span_id)


def test_nested_otlp_and_lines_are_taken_from_a_folder(project: Project, tmp_path: Path, at_noon: None) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "nested.json", [NESTED])
    write(tmp_path, "lines.jsonl", f"{json.dumps(OTLP)}\n\n{json.dumps(NESTED)}\n")
    write(tmp_path, "readme.txt", "not read")
    run(tmp_path)
    traces = {trace.root_name: trace for trace in Trace.objects.filter(project_id=project.pk)}
    assert set(traces) == {"run", "otlp"}
    assert traces["run"].duration_ns == 62_500_000_000
    assert traces["run"].span_count == 1


def test_a_step_that_a_document_lists_twice_is_two_steps_however_often_it_is_imported(
    project: Project, tmp_path: Path, at_noon: None
) -> None:
    file = write(tmp_path, "twice.json", NESTED | {"spans": NESTED["spans"] * 2})
    for _ in range(2):
        run(file)
    starts = [span.start_ns for span in Span.objects.filter(project_id=project.pk).order_by("start_ns")]
    assert [start - starts[0] for start in starts] == [0, 1]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("7", "body: an object expected"),
        ({"spans": 1}, "spans: a list expected"),
        (nested(duration="soon"), "spans[0].duration: an ISO 8601 duration expected"),
        (nested(duration="P"), "spans[0].duration: an ISO 8601 duration expected"),
        (nested(timestamp="yesterday"), "spans[0].timestamp: a time in ISO 8601 expected"),
        (nested(span_id="xyz"), "spans[0].span_id: 16 hex digits expected"),
        (nested(child_spans=[CHILD]), "spans[0].child_spans[0].span_name: text expected"),
        (nested(events=[{"Name": "e", "Timestamp": "?"}]), "spans[0].events[0].Timestamp: a time in ISO 8601"),
        (nested(span_attributes=[1]), "spans[0].span_attributes: an object expected"),
        ({"spans": []}, "trace_id: is required"),
        ({"trace_id": "5" * 32, "spans": [{"name": "x"}]}, "spans[0].start: is required"),
        ({"trace_id": "5" * 32, "spans": [], "scores": [{"name": "n"}]}, "scores[0].value: a score needs"),
        ({"resourceSpans": [{"scopeSpans": 1}]}, "resourceSpans[0].scopeSpans: a list expected"),
        ([NESTED, {"spans": None}], "[1].spans: a list expected"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_field_and_the_rest_is_taken(
    project: Project, tmp_path: Path, at_noon: None, content: Any, words: str
) -> None:
    write(tmp_path, "a.json", content)
    write(tmp_path, "b.json", OTLP)
    with pytest.raises(CommandError) as caught:
        run(tmp_path)
    assert f"a.json: {words}" in str(caught.value)
    assert Trace.objects.filter(project_id=project.pk, root_name="otlp").exists()


def test_a_line_that_is_wrong_is_told_with_its_number(project: Project, tmp_path: Path, at_noon: None) -> None:
    write(tmp_path, "a.jsonl", f"{json.dumps(OTLP)}\n{{}}\n")
    with pytest.raises(CommandError, match=r"a\.jsonl: line 2: spans: a list expected"):
        run(tmp_path)


def test_files_that_are_missing_or_too_large_are_told(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_noon: None
) -> None:
    monkeypatch.setattr(imports, "MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(CommandError) as caught:
        run(tmp_path / "nowhere.json", write(tmp_path, "big.json", NESTED))
    assert "nowhere.json: No such file or directory" in str(caught.value)
    assert "big.json: a document larger than 10 bytes" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"errors": []}, "trace_id: is required"),
        ({"trace_id": "5" * 32, "errors": [{"location": "6" * 16}]}, "errors[0].category: is required"),
        ({"trace_id": "5" * 32, "scores": [{"overall": "best"}]}, "scores[0].overall: a number expected"),
        ({"trace_id": "5" * 32, "scores": {}}, "scores: a list expected"),
    ],
)
def test_labels_that_are_wrong_are_told(project: Project, tmp_path: Path, content: Any, words: str) -> None:
    labels = write(tmp_path, "labels.json", content)
    (tmp_path / "none").mkdir()
    with pytest.raises(CommandError) as caught:
        run(tmp_path / "none", annotations=labels)
    assert f"labels.json: {words}" in str(caught.value)


def test_a_label_whose_place_is_no_span_is_kept_with_the_trace(project: Project, tmp_path: Path, at_noon: None) -> None:
    error = {"category": "Lost", "location": "somewhere"}
    labels = write(tmp_path, "labels.json", {"trace_id": "1" * 32, "errors": [error]})
    run(write(tmp_path, "trace.json", NESTED), annotations=labels)
    score = Score.objects.get()
    assert (score.span_id, score.label, score.metadata) == (None, "Lost", {"location": "somewhere"})


def test_labels_of_a_trace_that_is_not_there_are_refused_and_the_rest_is_stored(
    project: Project, tmp_path: Path, at_noon: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "labels"
    folder.mkdir()
    for trace in ("1", "5"):
        write(folder, f"{trace}.json", {"trace_id": trace * 32, "errors": [{"category": "Lost"}]})
    with pytest.raises(CommandError, match=r"^0 spans and log records and 1 scores were refused"):
        run(write(tmp_path, "trace.json", NESTED), annotations=folder)
    told = capsys.readouterr()
    assert f"5.json: the project has no trace {'5' * 32}, scores left out: 1" in told.err
    assert "1 spans of 1 traces (1 new), 0 log records (0 new), 1 scores (1 new)" in told.out
    assert [bytes(score.trace_id or b"").hex() for score in Score.objects.all()] == ["1" * 32]


def test_a_span_that_is_too_old_is_told_and_the_others_are_stored(
    project: Project, tmp_path: Path, at_noon: None
) -> None:
    old = json.loads(json.dumps(OTLP))
    old["resourceSpans"][0]["scopeSpans"][0]["spans"].append(
        OTLP["resourceSpans"][0]["scopeSpans"][0]["spans"][0] | {"spanId": "6" * 16, "startTimeUnixNano": "1"}
    )
    with pytest.raises(CommandError, match="1 spans and log records and 0 scores were refused") as caught:
        run(write(tmp_path, "old.json", old))
    assert "1 of them are older than the" in str(caught.value)
    assert Span.objects.filter(project_id=project.pk).count() == 1


def test_an_unknown_project_is_named(project: Project, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--project: there is no project 'nobody'"):
        run(tmp_path, project="nobody")
