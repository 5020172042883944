"""The four runs of TRAIL in ../shared/data: tokens, cost and labels as its reference says, also when imported twice."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents.models import Project
from console.lib import clock
from metrics.models import Log, Score, Span, Trace
from metrics.services import retention

HERE = Path(__file__).resolve()
FOLDER = next(
    (folder for parent in HERE.parents if (folder := parent / "shared" / "data" / "trail-swe").is_dir()), None
)
pytestmark = pytest.mark.skipif(FOLDER is None, reason="../shared/data/trail-swe is not here")
TODAY = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
NOT_TRACES = {"price_version"}


@pytest.fixture
def archive(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project that keeps telemetry for ever, with the runs imported."""
    monkeypatch.setattr(clock, "now", lambda: TODAY)
    Project.objects.update(retention_days=None)
    load()
    return project


def load() -> None:
    assert FOLDER is not None
    options: Any = {"project": "fleet", "annotations": FOLDER / "annotations"}
    call_command("import_traces", str(FOLDER / "traces"), **options)


def expected() -> dict[str, Any]:
    assert FOLDER is not None
    found: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())
    return found


def figures(project: Project) -> dict[str, Any]:
    """What the console says of each trace, in the terms of the reference."""
    found: dict[str, Any] = {}
    for trace in Trace.objects.filter(project_id=project.pk):
        spans = Span.objects.filter(project_id=project.pk, trace_id=bytes(trace.trace_id))
        scores = Score.objects.filter(project_id=project.pk, trace_id=bytes(trace.trace_id))
        found[bytes(trace.trace_id).hex()] = {
            "spans": (trace.span_count, spans.count()),
            "llm_input_tokens": trace.input_tokens,
            "llm_output_tokens": trace.output_tokens,
            "cost_usd": Decimal(trace.cost_nanos).scaleb(-9).quantize(Decimal("0.000001")),
            "llm_spans_without_model": spans.filter(kind="llm", model="").count(),
            "labelled_errors": scores.filter(name="error").count(),
        }
    return found


def test_tokens_cost_and_labels_are_those_of_the_reference(archive: Project) -> None:
    reference = expected()
    wanted = {
        trace_id: {
            "spans": (about["spans"], about["spans"]),
            "llm_input_tokens": about["llm_input_tokens"],
            "llm_output_tokens": about["llm_output_tokens"],
            "cost_usd": Decimal(about["cost_usd"]),
            "llm_spans_without_model": about["llm_spans_without_model"],
            "labelled_errors": about["labelled_errors"],
        }
        for trace_id, about in reference.items()
        if trace_id not in NOT_TRACES
    }
    assert figures(archive) == wanted
    priced = Span.objects.filter(project_id=archive.pk, cost_source="computed")
    assert set(priced.values_list("price_version", flat=True)) == {reference["price_version"]}


def test_importing_twice_changes_nothing(archive: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = figures(archive)
    rows = [model.objects.count() for model in (Span, Trace, Log, Score)]
    capsys.readouterr()
    load()
    assert "77 spans of 4 traces (0 new)" in capsys.readouterr().out
    assert figures(archive) == before
    assert [model.objects.count() for model in (Span, Trace, Log, Score)] == rows


def test_a_labelled_error_is_a_score_of_its_span_with_category_evidence_and_impact(archive: Project) -> None:
    trace_id = bytes.fromhex("72822db6e120878d916b515c2501246b")
    error = Score.objects.get(project_id=archive.pk, trace_id=trace_id, name="error")
    assert bytes(error.span_id or b"").hex() == "12f1a231cfc60c28"
    assert (error.label, error.source, error.value) == ("Formatting Errors", "import", None)
    assert error.comment.startswith("The error was with the search patterns")
    assert error.metadata["impact"] == "LOW"
    assert error.metadata["evidence"].startswith("Thought: It seems the search patterns")


def test_overall_scores_come_with_their_reasons(archive: Project) -> None:
    trace_id = bytes.fromhex("72822db6e120878d916b515c2501246b")
    whole = Score.objects.filter(project_id=archive.pk, trace_id=trace_id, span_id=None)
    assert {score.name: (score.value, score.comment) for score in whole} == {
        "reliability": (5.0, "No errors"),
        "security": (5.0, "No errors"),
        "instruction_adherence": (5.0, "No errors"),
        "plan_opt": (4.75, "Minor errors"),
        "overall": (4.75, ""),
    }


def test_a_project_that_keeps_everything_keeps_imported_runs(archive: Project) -> None:
    retention.drop_expired(now=TODAY)
    assert Trace.objects.filter(project_id=archive.pk).count() == 4


def test_a_project_with_retention_refuses_what_it_would_forget(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clock, "now", lambda: TODAY)
    with pytest.raises(CommandError) as caught:
        load()
    told = capsys.readouterr()
    assert "start time too old" in told.err
    assert "the project has no trace 72822db6e120878d916b515c2501246b, scores left out: 6" in told.err
    assert "0 spans of 0 traces (0 new)" in told.out
    assert "0 scores" in told.out
    rows, age = str(caught.value).splitlines()
    assert re.fullmatch(r"(\d+) spans and log records and 44 scores were refused and are not stored\.", rows)
    assert f"older than the {project.retention_days} days that the project 'fleet' keeps" in age
    for model in (Span, Log, Score):
        assert not model.objects.filter(project_id=project.pk).exists()
